"""The death log."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from gateway.errors import UsageError
from gateway.facts import ChildExited
from gateway.model import ServerName
from gateway.store.database import Database
from gateway.store.deaths import IN_ALL, PER_SERVER, TAIL_CHARACTERS, TAIL_LINES, Deaths, last_words
from gateway.store.opening import open_writer

AT = 1_800_000_000.0


def death(server: str = "git", n: int = 0, **changes: object) -> ChildExited:
    """An end of a server."""
    members: dict[str, object] = {
        "at": AT + n, "server": ServerName(server), "code": None, "signal": "SIGKILL", "reason": f"killed {n}",
        "cause": "oom", "uptime_s": 12.5, "pid": 77, "stderr_tail": ("one", "two"), **changes,
    }  # fmt: skip
    return ChildExited(**members)  # type: ignore[arg-type]


async def test_what_is_kept_of_a_death_comes_back_whole(db: Database) -> None:
    await Deaths(db).add([death()], {"git": "1.2.0"})
    assert await Deaths(db).newest() == [
        {
            "server": "git", "at": "2027-01-15T08:00:00.000Z", "cause": "oom", "code": None, "signal": "SIGKILL",
            "reason": "killed 0", "was_wanted": True, "uptime_s": 12.5, "pid": 77, "stderr_tail": ["one", "two"],
            "version": "1.2.0",
        }
    ]  # fmt: skip


async def test_the_newest_come_first_and_one_server_can_be_asked_for(db: Database) -> None:
    log = Deaths(db)
    await log.add([death("git", 1), death("time", 2)], {})
    await log.add([death("git", 0)], {})  # the calendar was turned back meanwhile
    assert [row["reason"] for row in await log.newest()] == ["killed 0", "killed 2", "killed 1"]
    assert [row["reason"] for row in await log.newest("git")] == ["killed 0", "killed 1"]
    assert [row["reason"] for row in await log.newest(limit=1)] == ["killed 0"]
    assert await log.newest("nobody") == []


async def test_each_server_has_so_many_and_all_together_as_well(db: Database) -> None:
    log = Deaths(db, per_server=3, in_all=5)
    for n in range(6):
        await log.add([death("git", n)], {})
    assert [row["reason"] for row in await log.newest("git")] == ["killed 5", "killed 4", "killed 3"]
    await log.add([death("time", n) for n in range(3)], {})
    assert [(row["server"], row["reason"]) for row in await log.newest()] == [
        ("time", "killed 2"), ("time", "killed 1"), ("time", "killed 0"), ("git", "killed 5"), ("git", "killed 4"),
    ]  # fmt: skip


def test_the_bounds_are_a_thousand_and_twenty_thousand() -> None:
    assert (PER_SERVER, IN_ALL) == (1000, 20_000)


async def test_nothing_to_add_writes_nothing(db: Database) -> None:
    await Deaths(db).add([], {})
    assert await Deaths(db).newest() == []


async def test_a_limit_below_one_is_refused(db: Database) -> None:
    with pytest.raises(UsageError):
        await Deaths(db).newest(limit=0)


async def test_text_that_is_no_unicode_can_be_kept(db: Database) -> None:
    await Deaths(db).add([death(reason="\ud800", stderr_tail=("\udcff",))], {})
    assert (await Deaths(db).newest())[0]["stderr_tail"] == ["?"]


def test_of_long_last_words_the_end_is_kept() -> None:
    assert last_words([f"line {n}" for n in range(100)])[0] == f"line {100 - TAIL_LINES}"
    cut = last_words(["old", "x" * 3000, "y" * 3000])
    assert [line[0] for line in cut] == ["x", "y"]
    assert sum(map(len, cut)) == TAIL_CHARACTERS
    assert last_words([]) == []


def test_an_older_store_gets_the_table(tmp_path: Path) -> None:
    file = tmp_path / "gateway.db"
    at = "2027-01-15T08:00:00.000Z"
    open_writer(file, at).close()
    with sqlite3.connect(file) as older:
        older.execute("DROP TABLE deaths")
        older.execute("DELETE FROM migrations WHERE name = 'store_20261125_deaths'")
    older.close()
    connection = open_writer(file, at)
    assert connection.execute("SELECT count(*) FROM deaths").fetchone() == (0,)
    connection.close()
