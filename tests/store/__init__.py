"""The store: SQLite files in temporary directories, real ones."""
