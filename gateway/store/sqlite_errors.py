"""SQLite's exceptions as ours: damaged, unavailable for now, or a refused statement. No I/O."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from gateway.errors import StoreError, StoreUnavailable

_DAMAGED = {"SQLITE_CORRUPT", "SQLITE_NOTADB"}
_UNAVAILABLE = {
    "SQLITE_FULL": "Free some disk space.",
    "SQLITE_READONLY": "Make the file and its directory writable.",
    "SQLITE_IOERR": "Check the disk and its free space.",
    "SQLITE_BUSY": "Another program holds the store; stop it.",
    "SQLITE_LOCKED": "Another program holds the store; stop it.",
    "SQLITE_CANTOPEN": "Check that the directory exists and that you may write to it.",
    "SQLITE_PERM": "Check that you may read and write the file.",
    "SQLITE_AUTH": "Check that you may read and write the file.",
}


def damaged(path: Path, what: str) -> StoreError:
    """The error for a file that is no (whole) SQLite database."""
    return StoreError(
        f"the store {path} is damaged: {what}",
        fix="Restore a backup, or move the file away (with its -wal and -shm) and start with an empty store.",
        code="store_damaged",
    )


def store_error(path: Path, exc: sqlite3.Error) -> StoreError:
    """Map an exception of the driver to the one that says who must act."""
    # Extended codes are spelled SQLITE_IOERR_WRITE and the like: the primary code is what counts.
    name = getattr(exc, "sqlite_errorname", None) or ""
    primary = "_".join(name.split("_")[:2])
    if primary in _DAMAGED:
        return damaged(path, str(exc))
    if primary in _UNAVAILABLE:
        return StoreUnavailable(f"the store {path} cannot be used now: {exc}", fix=_UNAVAILABLE[primary])
    return StoreError(f"the store {path} refused a statement: {exc}", fix="This is a bug; please report it.")
