"""What survives a restart: one module per concern, one writer (`database.py`). Knows SQL, decides nothing."""
