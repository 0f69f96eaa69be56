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
    assert current["metrics"] == {"loss": 0.25}
    assert [row["state"] for row in await policies.all()] == ["serving", "retired"]
    await db.close()
