"""What a server's processes may take: who counts it, who decides that it is too much, and what happens then."""
