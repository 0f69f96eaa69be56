"""Discovery: pure tables, and clients against the stand-ins."""
