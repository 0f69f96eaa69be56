"""Opens an SQLite file as a gateway store: checks whose it is, makes or migrates its tables. Blocking."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.errors import StoreError, StoreUnavailable
from gateway.store import schema
from gateway.store.listings.rows import PUT, moved
from gateway.store.reading import connect
from gateway.store.schema import Migration
from gateway.store.sqlite_errors import damaged

APPLICATION_ID = 0x4D435047  # "MCPG": tells our files from other programs' SQLite files
QUICK_CHECK_BELOW_BYTES = 64 * 2**20  # above, checking every page would delay a start by seconds
_WRITER_PRAGMAS = (
    "PRAGMA journal_mode = WAL",  # readers never block the writer
    "PRAGMA synchronous = FULL",  # acknowledged means on the disk
)


def open_writer(path: Path, at: str, migrations: Sequence[Migration] = schema.MIGRATIONS) -> sqlite3.Connection:
    """Open the one writing connection, making or migrating the store; `at` (RFC 3339) is noted for new migrations.

    Raises: StoreError, StoreUnavailable; sqlite3.Error for the caller to map.
    """
    _create_private(path)
    connection = connect(path, "rw")
    try:
        _check_owner(connection, path)
        for pragma in _WRITER_PRAGMAS:
            connection.execute(pragma)
        _check_pages(connection, path)
        _migrate(connection, path, at, migrations)
    except BaseException:
        connection.close()
        raise
    return connection


def _create_private(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as exc:
        raise StoreUnavailable(
            f"the store {path} cannot be opened: {exc.strerror}",
            fix="Check that the directory exists and that you may write to it.",
        ) from exc


def _check_owner(connection: sqlite3.Connection, path: Path) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application == APPLICATION_ID or (application == 0 and tables == 0):
        return
    raise StoreError(
        f"{path} is an SQLite file of another program",
        fix="Give the gateway a file of its own with [store] url, or another --state-dir.",
        code="store_foreign",
    )


def _check_pages(connection: sqlite3.Connection, path: Path) -> None:
    if path.stat().st_size < QUICK_CHECK_BELOW_BYTES:
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise damaged(path, verdict)


def _migrate(connection: sqlite3.Connection, path: Path, at: str, migrations: Sequence[Migration]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
            _run(connection, schema.create_statements())
        else:
            for migration in _missing(connection, path, migrations):
                _run(connection, migration.sql)
                _FILL.get(migration.name, _nothing)(connection)
        rows = [(migration.name, at) for migration in migrations]
        connection.executemany(schema.insert_sql(schema.MIGRATIONS_TABLE, conflict="DO NOTHING"), rows)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _run(connection: sqlite3.Connection, statements: Sequence[str]) -> None:
    for statement in statements:
        connection.execute(statement)


def _missing(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration]) -> list[Migration]:
    known = {migration.name for migration in migrations}
    applied = {name for (name,) in connection.execute("SELECT name FROM migrations")}
    if newer := sorted(applied - known):
        raise StoreError(
            f"the store {path} was written by a newer mcp-gateway (it has {', '.join(newer)})",
            fix="Upgrade mcp-gateway, restore an older backup, or use another --state-dir.",
            code="store_newer",
        )
    return [migration for migration in migrations if migration.name not in applied]


def _nothing(_: sqlite3.Connection) -> None:
    """Most migrations are SQL alone."""


def _index_listings(connection: sqlite3.Connection) -> None:
    """Move the listings into the table that can be searched."""
    bodies = connection.execute(f"SELECT body FROM {schema.OLD_LISTINGS}")  # noqa: S608 - our own name
    connection.executemany(PUT, moved(body for (body,) in bodies))
    connection.execute(f"DROP TABLE {schema.OLD_LISTINGS}")


_FILL: dict[str, Callable[[sqlite3.Connection], None]] = {schema.SEARCH: _index_listings}
"""What a migration needs besides its SQL."""
