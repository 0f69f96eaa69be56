"""Facts on their way into the ledger: queued without waiting, committed every 200 ms or 500 rows."""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import islice

import anyio
import structlog
from anyio.abc import TaskStatus

from gateway.clock import Clock
from gateway.errors import StoreError, StoreUnavailable
from gateway.facts import CallFinished, DecisionMade, Fact, Rewarded
from gateway.store.ledger import Ledger, LedgerFact

FLUSH_S = 0.2  # the longest that a row waits for its commit while the store works
BATCH = 500  # so many rows do not wait at all
MAX_WAITING = 100_000  # below this nothing is dropped, however long the store is away
FIRST_RETRY_S = 0.5
LAST_RETRY_S = 5.0
FLUSH_AT_END_S = 10.0  # at shutdown: enough for 100,000 rows on a slow disk, and still bounded
PURGE_EVERY_S = 3600.0


class LedgerSink:
    """A listener of facts that keeps those of the ledger. One event loop only."""

    def __init__(
        self, ledger: Ledger, clock: Clock, keep_queries_days: float = 30.0, *, first_retry_s: float = FIRST_RETRY_S
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._keep_queries_days = keep_queries_days
        self._first_retry_s = first_retry_s
        self._waiting: deque[LedgerFact] = deque()
        self._arrived = asyncio.Event()
        self._hurry = asyncio.Event()  # a full batch, or somebody waits for the commit
        self._settled = asyncio.Event()  # replaced after each batch
        self._queued = self._done = 0  # facts taken in, facts committed or refused, since the start
        self._overflowing = False
        self._purge_due = 0.0
        self._log = structlog.get_logger("ledger")
        self.available = True
        """Did the last commit work? False from the first failure until one works again."""
        self.dropped = 0
        """Facts that came while `MAX_WAITING` others waited."""
        self.refused = 0
        """Facts that the store cannot hold (a bug, logged)."""

    @property
    def pending(self) -> int:
        """How many facts wait to be committed."""
        return len(self._waiting)

    def __call__(self, fact: Fact) -> None:
        """Queue a fact of the ledger; never waits. Other facts are ignored."""
        if not isinstance(fact, CallFinished | DecisionMade | Rewarded):
            return
        if len(self._waiting) >= MAX_WAITING:
            self._drop()
            return
        self._waiting.append(fact)
        self._queued += 1
        self._arrived.set()
        if len(self._waiting) >= BATCH:
            self._hurry.set()

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Commit what comes, until cancelled; then commit the rest, bounded by `FLUSH_AT_END_S`."""
        task_status.started()
        try:
            while True:
                await self._purge_if_due()
                await self._await_batch()
                await self._flush_with_retries()
        finally:
            with anyio.CancelScope(shield=True), anyio.move_on_after(FLUSH_AT_END_S):
                await self._flush_the_rest()

    async def committed(self, timeout_s: float = 10.0) -> None:
        """Wait until everything queued so far is committed.

        Raises: StoreUnavailable when that takes longer than `timeout_s` or facts are being dropped; StoreError when
        the store refused one of them.
        """
        if self._overflowing:
            raise StoreUnavailable("the ledger is full: the store cannot be written", fix="See the daemon's log.")
        target, refused = self._queued, self.refused
        try:
            with anyio.fail_after(timeout_s):
                while self._done < target:
                    self._hurry.set()
                    await self._settled.wait()
        except TimeoutError:
            raise StoreUnavailable(
                f"not committed within {timeout_s:g} s: the store cannot be written",
                fix="See the daemon's log; it keeps trying.",
            ) from None
        if self.refused > refused:
            raise StoreError("the store refused a row", fix="See the daemon's log.")

    async def _await_batch(self) -> None:
        with anyio.move_on_after(PURGE_EVERY_S):
            await self._arrived.wait()
            with anyio.move_on_after(FLUSH_S):
                await self._hurry.wait()
        self._arrived.clear()
        self._hurry.clear()

    async def _flush_with_retries(self) -> None:
        delay, failures = self._first_retry_s, 0
        target = self._queued  # what comes meanwhile makes the next batch, so that batches stay large
        while self._done < target:
            try:
                await self._flush_batch()
            except StoreUnavailable as exc:
                failures += 1
                self.available = False
                if failures == 1:
                    self._log.error("ledger_unavailable", error=str(exc), fix=exc.fix, pending=self.pending)
                await anyio.sleep(delay)
                delay = min(delay * 2, LAST_RETRY_S)
            else:
                if failures:
                    self._log.warning("ledger_available_again", pending=self.pending, dropped=self.dropped)
                delay, failures = self._first_retry_s, 0

    async def _flush_the_rest(self) -> None:
        try:
            while self._waiting:
                await self._flush_batch()
        except StoreUnavailable as exc:
            self._log.error("ledger_rows_lost", error=str(exc), fix=exc.fix, rows=self.pending)

    async def _flush_batch(self) -> None:
        # The rows leave the queue only when they are committed: a cancelled wait writes them again, to no effect.
        batch = list(islice(self._waiting, BATCH))
        try:
            await self._append(batch)
        except StoreUnavailable:
            raise
        except StoreError:
            await self._append_one_by_one(batch)
        for _ in batch:
            self._waiting.popleft()
        self._done += len(batch)
        self._overflowing = False
        self.available = True
        self._settled.set()
        self._settled = asyncio.Event()

    async def _append_one_by_one(self, batch: list[LedgerFact]) -> None:
        for fact in batch:
            try:
                await self._append([fact])
            except StoreUnavailable:
                raise
            except StoreError as exc:
                self.refused += 1
                self._log.exception("ledger_row_refused", fact=type(fact).__name__, error=str(exc))

    async def _append(self, facts: list[LedgerFact]) -> None:
        await self._ledger.append(facts, keep_queries_days=self._keep_queries_days)

    async def _purge_if_due(self) -> None:
        if self._clock.now() < self._purge_due:
            return
        self._purge_due = self._clock.now() + PURGE_EVERY_S
        try:
            await self._ledger.purge_queries()
        except StoreError as exc:
            self._log.warning("query_purge_failed", error=str(exc))

    def _drop(self) -> None:
        self.dropped += 1
        if not self._overflowing:
            self._overflowing = True
            self._log.error("ledger_full", waiting=len(self._waiting))
