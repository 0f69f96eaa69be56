"""SQLite connections to a store. Light: the learner imports it, which neither makes nor migrates tables. Blocking."""

from __future__ import annotations

import sqlite3
from pathlib import Path

BUSY_TIMEOUT_S = 5.0  # a checkpoint or a backup may hold the file for a moment


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open the file with `mode` ro or rw; it must exist. Raises: sqlite3.Error."""
    # isolation_level None: BEGIN and COMMIT are ours. The connection moves between threads, one at a time.
    uri = f"{path.as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)


def open_reader(path: Path) -> sqlite3.Connection:
    """Open a connection that cannot write. Raises: sqlite3.Error."""
    connection = connect(path, "ro")
    connection.execute("PRAGMA query_only = ON")
    return connection
