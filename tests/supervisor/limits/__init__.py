"""What a server's processes may take."""
