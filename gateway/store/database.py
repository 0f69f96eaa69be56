"""The store's engine: one writer thread, a few read-only connections beside it. SQLite (WAL) only, for now."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from gateway.clock import Clock, SystemClock, rfc3339
from gateway.errors import StoreError
from gateway.store import opening
from gateway.store.reading import open_reader
from gateway.store.sqlite_errors import store_error
from gateway.store.urls import sqlite_path
from gateway.store.writer import Row, Step, Writer

_TOUCH = "UPDATE migrations SET at = at"  # writes a page although nothing changes
READERS = 2  # so that one long listing does not hold up short look-ups


class Database:
    """An open store. `?` marks parameters; rows are tuples. Use `Database.open`."""

    def __init__(self, path: Path, writer: Writer, readers: list[sqlite3.Connection]) -> None:
        self.path = path
        self._writer = writer
        self._readers = readers
        self._reading = anyio.CapacityLimiter(len(readers))
        self._closed = False

    @classmethod
    async def open(cls, url: str, *, clock: Clock | None = None) -> Database:
        """Open (or make) the store that `url` names, e.g. "sqlite:////abs/path".

        Raises: StoreError when the file is damaged, another program's, or of a newer version; StoreUnavailable.
        """
        path = sqlite_path(url)
        at = rfc3339((clock or SystemClock()).wall())
        return await anyio.to_thread.run_sync(cls._open, path, at)

    @classmethod
    def _open(cls, path: Path, at: str) -> Database:
        try:
            writing = opening.open_writer(path, at)
        except sqlite3.Error as exc:
            raise store_error(path, exc) from exc
        writer = Writer(writing, path)
        writer.start()
        try:
            return cls(path, writer, [open_reader(path) for _ in range(READERS)])
        except sqlite3.Error as exc:
            writer.stop()
            raise store_error(path, exc) from exc

    async def close(self) -> None:
        """Finish what waits to be written and close; closing twice is harmless."""
        if self._closed:
            return
        self._closed = True
        with anyio.CancelScope(shield=True):
            for _ in range(READERS):
                await self._reading.acquire_on_behalf_of(object())
            for connection in self._readers:
                connection.close()
            # The writer goes last: only then does SQLite move what is in the -wal file into the database itself.
            await anyio.to_thread.run_sync(self._writer.stop)

    async def execute(self, sql: str, params: Row = ()) -> int:
        """Run one statement and commit; returns the number of rows changed.

        Raises: StoreError, StoreUnavailable (so do the three below).
        """
        return await self.transaction([(sql, [params])])

    async def execute_many(self, sql: str, rows: Sequence[Row]) -> int:
        """Run one statement for each row, all or none, and commit; returns the number of rows changed."""
        return await self.transaction([(sql, rows)])

    async def transaction(self, steps: Sequence[Step]) -> int:
        """Run (statement, rows) pairs in order, all or none, and commit; returns the number of rows changed."""
        self._must_be_open()
        return await self._writer.transaction(steps)

    async def fetch(self, sql: str, params: Row = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a query; it sees everything acknowledged before."""
        self._must_be_open()
        return await anyio.to_thread.run_sync(self._read, sql, params, limiter=self._reading)

    def _must_be_open(self) -> None:
        if self._closed:
            raise StoreError("the store is closed", code="store_closed")

    def _read(self, sql: str, params: Row) -> list[tuple[Any, ...]]:
        connection = self._readers.pop()
        try:
            return connection.execute(sql, params).fetchall()
        except sqlite3.Error as exc:
            raise store_error(self.path, exc) from exc
        finally:
            self._readers.append(connection)

    async def integrity(self) -> list[str]:
        """Check every page and index; an empty list means that all is well. Takes seconds for a large store."""
        rows = await self.fetch("PRAGMA integrity_check")
        return [str(row[0]) for row in rows if row[0] != "ok"]

    async def is_writable(self) -> bool:
        """Can something be committed right now?"""
        try:
            await self.execute(_TOUCH)
        except StoreError:
            return False
        return True
