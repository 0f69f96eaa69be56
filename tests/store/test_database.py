"""The engine as the other modules use it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import anyio
import pytest

from gateway.errors import StoreError, StoreUnavailable
from gateway.store.database import READERS, Database
from gateway.store.urls import sqlite_url

INSERT = "INSERT INTO tombstones VALUES (?, ?)"


async def test_a_query_sees_everything_acknowledged_before(db: Database) -> None:
    for number in range(20):
        await db.execute(INSERT, (f"s{number}", 1.0))
        assert await db.fetch("SELECT count(*) FROM tombstones") == [(number + 1,)]


async def test_more_queries_than_readers_are_all_answered(db: Database) -> None:
    answers: list[list[tuple[object, ...]]] = []

    async def ask() -> None:
        answers.append(await db.fetch("SELECT 1"))

    async with anyio.create_task_group() as tasks:
        for _ in range(READERS * 10):
            tasks.start_soon(ask)
    assert answers == [[(1,)]] * (READERS * 10)


async def test_a_long_reading_does_not_hold_up_the_writer(db: Database) -> None:
    reader = sqlite3.connect(db.path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM migrations").fetchall()
    with anyio.fail_after(4):
        await db.execute(INSERT, ("s", 1.0))
    reader.execute("COMMIT")
    reader.close()
    assert await db.fetch("SELECT sid FROM tombstones") == [("s",)]


async def test_what_was_written_is_there_after_opening_again(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "gateway.db")
    first = await Database.open(url)
    assert await first.execute_many(INSERT, [("a", 1.0), ("b", 2.0)]) == 2
    await first.close()
    await first.close()
    second = await Database.open(url)
    assert await second.fetch("SELECT sid FROM tombstones ORDER BY sid") == [("a",), ("b",)]
    await second.close()


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    database = await Database.open(sqlite_url(tmp_path / "gateway.db"))
    await database.close()
    with pytest.raises(StoreError, match="closed"):
        await database.fetch("SELECT 1")
    with pytest.raises(StoreError, match="closed"):
        await database.execute(INSERT, ("a", 1.0))
    assert not await database.is_writable()


async def test_a_file_that_is_no_database_gives_one_clear_error(tmp_path: Path) -> None:
    file = tmp_path / "gateway.db"
    file.write_bytes(b"these are no pages\n" * 1000)
    with pytest.raises(StoreError) as caught:
        await Database.open(sqlite_url(file))
    assert caught.value.code == "store_damaged"
    assert str(file) in str(caught.value)
    assert "backup" in caught.value.fix


async def test_a_full_disk_is_unavailable_and_passes(db: Database) -> None:
    pages = (await db.fetch("PRAGMA page_count"))[0][0]
    await db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreUnavailable) as caught:
        await db.execute_many("INSERT INTO vectors VALUES (?, 'm', ?)", [(str(n), b"x" * 4000) for n in range(50)])
    assert "disk" in caught.value.fix
    assert await db.fetch("SELECT count(*) FROM vectors") == [(0,)]
    await db.execute("PRAGMA max_page_count = 100000")
    await db.execute("INSERT INTO vectors VALUES ('a', 'm', ?)", (b"x" * 400_000,))
    assert await db.integrity() == []


async def test_a_wrong_statement_is_a_store_error(db: Database) -> None:
    with pytest.raises(StoreError):
        await db.fetch("SELECT nothing FROM nowhere")
    with pytest.raises(StoreError):
        await db.execute("INSERT INTO nowhere VALUES (1)")


async def test_it_knows_whether_it_can_be_written(db: Database) -> None:
    assert await db.is_writable()
    await db.execute("PRAGMA query_only = ON")
    assert not await db.is_writable()
