"""Foreign clients against the real daemon: the official SDK and the official inspector."""
