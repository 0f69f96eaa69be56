"""The one writer and its group commits."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from gateway.errors import StoreError
from gateway.store.opening import open_writer
from gateway.store.writer import Writer

INSERT = "INSERT INTO tombstones VALUES (?, ?)"


@pytest.fixture
async def writer(tmp_path: Path) -> AsyncIterator[Writer]:
    file = tmp_path / "gateway.db"
    serving = Writer(open_writer(file, "2027-01-15T08:00:00.000Z"), file)
    serving.start()
    yield serving
    await anyio.to_thread.run_sync(serving.stop)


def _rows(folder: Path) -> set[str]:
    reader = sqlite3.connect(folder / "gateway.db")
    found = {sid for (sid,) in reader.execute("SELECT sid FROM tombstones")}
    reader.close()
    return found


async def test_what_is_acknowledged_is_seen_by_everybody(writer: Writer, tmp_path: Path) -> None:
    assert await writer.transaction([(INSERT, [("a", 1.0), ("b", 2.0)])]) == 2
    assert _rows(tmp_path) == {"a", "b"}


async def test_a_transaction_is_done_whole_or_not_at_all(writer: Writer, tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        await writer.transaction([(INSERT, [("a", 1.0)]), (INSERT, [("a", 1.0)])])
    assert _rows(tmp_path) == set()


async def test_one_failing_transaction_does_not_cost_its_neighbours_theirs(writer: Writer, tmp_path: Path) -> None:
    # All are handed in before the writer's thread can have served them: they share commits.
    outcomes = await asyncio.gather(
        *(writer.transaction([(INSERT, [(f"s{number % 15}", 1.0)])]) for number in range(20)), return_exceptions=True
    )
    assert sum(isinstance(outcome, StoreError) for outcome in outcomes) == 5
    assert _rows(tmp_path) == {f"s{number}" for number in range(15)}


@pytest.mark.parametrize("value", ["\ud800", 2**70, object()])
async def test_a_value_that_sqlite_cannot_hold_is_refused(writer: Writer, value: object) -> None:
    with pytest.raises(StoreError):
        await writer.transaction([(INSERT, [(value, 1.0)])])
    assert await writer.transaction([(INSERT, [("next", 1.0)])]) == 1


async def test_a_waiter_that_is_cancelled_does_not_undo_its_transaction(writer: Writer, tmp_path: Path) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(writer.transaction, [(INSERT, [("a", 1.0)])])
        await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    await writer.transaction([(INSERT, [("b", 1.0)])])
    assert _rows(tmp_path) == {"a", "b"}


async def test_nobody_waits_for_a_writer_that_broke(tmp_path: Path) -> None:
    file = tmp_path / "gateway.db"
    connection = open_writer(file, "2027-01-15T08:00:00.000Z")
    serving = Writer(connection, file)
    connection.close()
    serving.start()
    with anyio.fail_after(5), pytest.raises(StoreError):
        await serving.transaction([(INSERT, [("a", 1.0)])])
    await anyio.to_thread.run_sync(serving.stop)
    with anyio.fail_after(5), pytest.raises(StoreError) as caught:
        await serving.transaction([(INSERT, [("a", 1.0)])])
    assert caught.value.code == "store_closed"
