"""A real daemon, real children, real HTTP."""
