"""Keeping children alive."""
