"""Servers that are reached over HTTP: what travels, what comes back, and what it means."""
