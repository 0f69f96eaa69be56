from __future__ import annotations

from pathlib import Path

import anyio

from gateway.daemon.versions import VersionLog
from gateway.store.database import Database
from gateway.store.policies import Policies
from gateway.store.urls import sqlite_url
from tests.fakes import FakeClock


async def test_the_newest_adopted_version_is_the_serving_one(tmp_path: Path, clock: FakeClock) -> None:
    db = await Database.open(sqlite_url(tmp_path / "store.db"))
    policies = Policies(db)
    versions = VersionLog(policies, clock)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(versions.run)
        versions({"version": "1.1", "metrics": {"loss": 0.5}})
        clock.advance(60)
        versions({"version": "1.2", "metrics": {"loss": 0.25}})
        with anyio.fail_after(5):
            while (current := await policies.current()) is None or current["version"] != "1.2":
                await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    assert current is not None
    assert current["metrics"] == {"loss": 0.25}
    assert [row["state"] for row in await policies.all()] == ["serving", "retired"]
    await db.close()


async def test_a_store_that_cannot_be_written_loses_the_note_and_nothing_else(tmp_path: Path, clock: FakeClock) -> None:
    db = await Database.open(sqlite_url(tmp_path / "store.db"))
    await db.execute("CREATE TRIGGER full BEFORE INSERT ON policy_versions BEGIN SELECT RAISE(ABORT, 'full'); END")
    policies = Policies(db)
    versions = VersionLog(policies, clock)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(versions.run)
        versions({"version": "1.1"})
        await anyio.wait_all_tasks_blocked()
        await db.execute("DROP TRIGGER full")
        versions({"version": "1.2"})
        with anyio.fail_after(5):
            while await policies.current() is None:
                await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    assert [row["version"] for row in await policies.all()] == ["1.2"]
    await db.close()
