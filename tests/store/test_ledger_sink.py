"""Facts on their way into the ledger."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from gateway.errors import StoreError, StoreUnavailable
from gateway.facts import ChildExited
from gateway.model import ServerName
from gateway.store import ledger_sink
from gateway.store.database import Database
from gateway.store.ledger import Ledger
from gateway.store.ledger_sink import LedgerSink
from tests.fakes import FakeClock
from tests.store.examples import call, decided, rewarded

FULL = "PRAGMA max_page_count = 1"  # SQLite reads it as: no page more than there are now
SPACE_AGAIN = "PRAGMA max_page_count = 1000000"


@pytest.fixture
def ledger(db: Database, clock: FakeClock) -> Ledger:
    return Ledger(db, clock)


@pytest.fixture
def sink(ledger: Ledger, clock: FakeClock) -> LedgerSink:
    return LedgerSink(ledger, clock, first_retry_s=0.01)


@asynccontextmanager
async def running(sink: LedgerSink) -> AsyncIterator[None]:
    async with anyio.create_task_group() as tasks:
        await tasks.start(sink.run)
        yield
        tasks.cancel_scope.cancel()


async def test_a_fact_is_committed_without_anybody_hurrying(sink: LedgerSink, ledger: Ledger) -> None:
    async with running(sink):
        sink(call("c1"))
        with anyio.fail_after(10):
            while sink.pending:
                await anyio.lowlevel.checkpoint()
        assert len(await ledger.calls()) == 1


async def test_committed_returns_only_when_everything_queued_is_in_the_store(sink: LedgerSink, ledger: Ledger) -> None:
    async with running(sink):
        for number in range(1200):
            sink(call(f"c{number}"))
        sink(rewarded("r1"))
        await sink.committed()
        assert await ledger.counts() == {"calls": 1200, "decisions": 0, "rewards": 1}


async def test_committed_returns_at_once_when_nothing_waits(sink: LedgerSink) -> None:
    with anyio.fail_after(1):
        await sink.committed()
    assert sink.pending == 0


async def test_facts_that_are_not_the_ledgers_are_left_alone(sink: LedgerSink) -> None:
    sink(ChildExited(1.0, ServerName("clock"), 0, None, "done"))
    assert sink.pending == 0


async def test_no_row_is_lost_when_the_task_is_cancelled(sink: LedgerSink, ledger: Ledger) -> None:
    async with running(sink):
        for number in range(3000):
            sink(call(f"c{number}"))
    assert await ledger.counts() == {"calls": 3000, "decisions": 0, "rewards": 0}
    assert sink.pending == 0


async def test_no_row_is_lost_or_doubled_when_cancelled_amid_a_commit(sink: LedgerSink, ledger: Ledger) -> None:
    async with running(sink):
        for number in range(2000):
            sink(decided(f"d{number}"))
            sink(call(f"c{number}"))
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
    assert await ledger.counts() == {"calls": 2000, "decisions": 2000, "rewards": 0}


async def make_space(db: Database) -> None:
    """Lift the limit. The statement may be committed in one group with rows for which there is no space yet."""
    with anyio.fail_after(10):
        lifted = False
        while not lifted:
            with contextlib.suppress(StoreUnavailable):
                await db.execute(SPACE_AGAIN)
                lifted = True
            await anyio.sleep(0.02)


async def test_a_full_disk_keeps_the_rows_waiting_until_there_is_space(
    sink: LedgerSink, ledger: Ledger, db: Database
) -> None:
    await db.execute(FULL)
    async with running(sink):
        for number in range(1000):
            sink(call(f"c{number}", session="x" * 500))
        with pytest.raises(StoreUnavailable):
            await sink.committed(timeout_s=0.3)
        assert sink.pending > 0
        assert not sink.available
        await make_space(db)
        await sink.committed()
        assert sink.available
    assert (await ledger.counts())["calls"] == 1000
    assert sink.dropped == 0


async def test_beyond_the_cap_facts_are_dropped_and_counted(sink: LedgerSink) -> None:
    for number in range(ledger_sink.MAX_WAITING + 7):
        sink(call(f"c{number}"))
    assert sink.pending == ledger_sink.MAX_WAITING == 100_000
    assert sink.dropped == 7
    with pytest.raises(StoreUnavailable):
        await sink.committed()


async def test_a_row_that_cannot_be_stored_does_not_cost_its_neighbours(sink: LedgerSink, ledger: Ledger) -> None:
    async with running(sink):
        sink(call("c1"))
        sink(call("c2", bytes_out=2**70))
        sink(call("c3"))
        with pytest.raises(StoreError):
            await sink.committed()
    assert [row["call_id"] for row in await ledger.calls()] == ["c3", "c1"]
    assert sink.refused == 1


async def test_texts_of_queries_are_kept_as_long_as_configured(ledger: Ledger, clock: FakeClock, db: Database) -> None:
    for days, sink in ((0.0, LedgerSink(ledger, clock, 0.0)), (30.0, LedgerSink(ledger, clock, 30.0))):
        async with running(sink):
            sink(decided(f"d{days}", query=f"for {days:g} days"))
    assert await db.fetch("SELECT text FROM queries ORDER BY text") == [(None,), ("for 30 days",)]


async def test_expired_texts_are_purged_at_the_start(ledger: Ledger, clock: FakeClock, db: Database) -> None:
    await ledger.append([decided("d1")], keep_queries_days=1)
    clock.advance(2 * 86400)
    sink = LedgerSink(ledger, clock, 30.0)
    async with running(sink):
        sink(call("c1"))
        await sink.committed()
    assert await db.fetch("SELECT text FROM queries") == [(None,)]


def test_the_promised_numbers() -> None:
    assert (ledger_sink.FLUSH_S, ledger_sink.BATCH) == (0.2, 500)
