"""Asking one registry over HTTP: rate, retries, deadlines, and what its answers mean as errors."""
