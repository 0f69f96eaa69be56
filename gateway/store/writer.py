"""The one writer: a thread that runs the waiting transactions of everybody under one commit (group commit).

A transaction is acknowledged only after the commit that contains it, so acknowledged means durable, and the price of
an fsync is shared by all that waited meanwhile.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.errors import StoreError
from gateway.store.sqlite_errors import store_error

Row = Sequence[Any]
Step = tuple[str, Sequence[Row]]
"""One statement and the rows it is executed with."""

MAX_GROUP = 256  # transactions under one commit: bounds how long the first of them waits


def _broken() -> StoreError:
    fix = "Restart the gateway; its log says why."
    return StoreError("the store's writer has stopped", fix=fix, code="store_closed")


@dataclass(eq=False, slots=True)
class _Job:
    steps: Sequence[Step]
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[int]
    changed: int = 0
    error: StoreError | None = None

    def acknowledge(self) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self.loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        if self.answer.done():  # the waiter was cancelled; what is committed stays committed
            return
        if self.error is not None:
            self.answer.set_exception(self.error)
        else:
            self.answer.set_result(self.changed)


class Writer:
    """Owns the writing connection from `start` to `stop`."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        # A daemon thread: a crashed main thread must not be kept alive by an idle writer.
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._broken = False

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what waits, close the connection, return when the thread has ended. Blocking.

        The caller sees to it that nothing is handed in afterwards.
        """
        self._jobs.put(None)
        self._thread.join()

    async def transaction(self, steps: Sequence[Step]) -> int:
        """Run all steps or none; returns the number of rows changed, after the commit.

        Cancelling the waiter does not undo the transaction.

        Raises: StoreError, StoreUnavailable.
        """
        if self._broken:
            raise _broken()
        loop = asyncio.get_running_loop()
        job = _Job(steps, loop, loop.create_future())
        self._jobs.put(job)
        return await job.answer

    def _work(self) -> None:
        try:
            while self._serve(self._jobs.get()):
                pass
        finally:
            self._broken = True
            self._connection.close()
            self._fail_the_rest()

    def _fail_the_rest(self) -> None:
        with suppress(queue.Empty):
            while True:
                if (job := self._jobs.get_nowait()) is not None:
                    job.error = _broken()
                    job.acknowledge()

    def _serve(self, first: _Job | None) -> bool:
        """Commit `first` with whatever else waits; False when told to stop."""
        group: list[_Job] = []
        job = first
        while job is not None:
            group.append(job)
            if len(group) >= MAX_GROUP:
                break
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
        if group:
            self._commit(group)
        return job is not None

    def _commit(self, group: Sequence[_Job]) -> None:
        failure: StoreError | None = _broken()
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for job in group:
                self._run(job)
            self._connection.execute("COMMIT")
            failure = None
        except sqlite3.Error as exc:
            failure = store_error(self._path, exc)
        finally:  # whatever happened, nobody waits for ever
            if failure is not None:
                self._roll_back()
            for job in group:
                job.error = job.error or failure
                job.acknowledge()

    def _run(self, job: _Job) -> None:
        """Run one transaction inside the group's; its failure is its own unless SQLite gave up the whole."""
        self._connection.execute("SAVEPOINT job")
        try:
            job.changed = sum(self._step(sql, rows) for sql, rows in job.steps)
        except sqlite3.Error as exc:
            job.error = store_error(self._path, exc)
            if not self._connection.in_transaction:
                raise
            self._connection.execute("ROLLBACK TO job")
        except (ValueError, OverflowError, TypeError) as exc:  # a value that SQLite cannot hold
            job.error = StoreError(f"the store {self._path} cannot hold a value: {exc}")
            self._connection.execute("ROLLBACK TO job")
        self._connection.execute("RELEASE job")

    def _step(self, sql: str, rows: Sequence[Row]) -> int:
        if len(rows) == 1:
            return max(0, self._connection.execute(sql, rows[0]).rowcount)
        return max(0, self._connection.executemany(sql, rows).rowcount) if rows else 0

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
