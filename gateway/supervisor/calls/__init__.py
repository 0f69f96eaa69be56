"""Calls on their way to one server."""
