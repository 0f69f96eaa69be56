"""Reads definitions for what a person should see before trusting them: labels only, nothing is blocked. No I/O."""
