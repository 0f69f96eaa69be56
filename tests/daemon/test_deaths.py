"""Deaths on their way into the log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from gateway.daemon.deaths import WAITING, DeathNotes, is_death
from gateway.facts import ChildExited, StateChanged
from gateway.model import Origin, ServerName, ServerSpec, StdioLaunch
from gateway.store.database import Database
from gateway.store.deaths import Deaths

SPEC = ServerSpec(ServerName("echo"), "npm:echo@1.0", Origin.CLI, StdioLaunch(("x",)), version="1.0")


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    """A store of its own."""
    database = await Database.open(f"sqlite:///{tmp_path}/store.db")
    yield database
    await database.close()


async def wanted() -> list[ServerSpec]:
    """One server."""
    return [SPEC]


def end(n: int = 0, *, cause: str = "exit", was_wanted: bool = True) -> ChildExited:
    """One end."""
    return ChildExited(float(n), ServerName("echo"), 1, None, f"end {n}", cause=cause, was_wanted=was_wanted)


@pytest.mark.parametrize(
    ("cause", "was_wanted", "expected"),
    [("oom", True, True), ("", True, True), ("stopped", True, False), ("idle", True, False), ("exit", False, False)],
)
def test_what_was_asked_for_is_no_death(cause: str, was_wanted: bool, expected: bool) -> None:
    assert is_death(end(cause=cause, was_wanted=was_wanted)) is expected


async def test_deaths_are_written_with_the_version_that_died(db: Database) -> None:
    notes = DeathNotes(Deaths(db), wanted)
    notes(StateChanged(0.0, ServerName("echo"), "backoff", "unhealthy", "ended"))
    notes(end(1, cause="oom"))
    notes(end(2, cause="stopped"))
    await notes.write()
    await notes.write()
    rows = await Deaths(db).newest()
    assert [(row["reason"], row["cause"], row["version"]) for row in rows] == [("end 1", "oom", "1.0")]


async def test_they_are_written_by_themselves_and_the_last_ones_at_the_end(db: Database) -> None:
    notes = DeathNotes(Deaths(db), wanted)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(notes.run)
        notes(end(1))
        with anyio.fail_after(20):
            while not await Deaths(db).newest():
                await anyio.lowlevel.checkpoint()
        notes(end(2))
        tasks.cancel_scope.cancel()
    assert [row["reason"] for row in await Deaths(db).newest()] == ["end 2", "end 1"]


async def test_a_store_that_is_away_fails_nobody_and_nothing_is_lost(db: Database, tmp_path: Path) -> None:
    notes = DeathNotes(Deaths(db), wanted)
    await db.close()
    notes(end(1))
    await notes.write()
    again = await Database.open(f"sqlite:///{tmp_path}/store.db")
    notes._deaths = Deaths(again)
    await notes.write()
    rows = await Deaths(again).newest()
    await again.close()
    assert [row["reason"] for row in rows] == ["end 1"]


async def test_so_many_may_wait_and_the_newest_are_kept(db: Database) -> None:
    notes = DeathNotes(Deaths(db), wanted)
    for n in range(WAITING + 5):
        notes(end(n))
    await notes.write()
    assert len(await Deaths(db).newest(limit=WAITING + 5)) == WAITING
    assert (await Deaths(db).newest(limit=1))[0]["reason"] == f"end {WAITING + 4}"
