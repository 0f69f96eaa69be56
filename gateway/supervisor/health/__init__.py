"""Whether a ready server is well: what is asked of it, and what its calls show."""
