"""Keeps what strangers wrote from what is not its own: which level, what may be reached, and how it is started so."""
