"""Policy versions."""

from __future__ import annotations

from gateway.store.database import Database
from gateway.store.policies import Policies


async def test_versions_come_back_newest_first_with_their_numbers(db: Database) -> None:
    policies = Policies(db)
    await policies.put("v1", 0.0, "candidate", {"loss": 0.5})
    await policies.put("v2", 1.0, "candidate", {})
    assert await policies.all() == [
        {"version": "v2", "at": "1970-01-01T00:00:01.000Z", "state": "candidate", "metrics": {}},
        {"version": "v1", "at": "1970-01-01T00:00:00.000Z", "state": "candidate", "metrics": {"loss": 0.5}},
    ]
    assert await policies.current() is None


async def test_only_one_version_serves(db: Database) -> None:
    policies = Policies(db)
    await policies.put("v1", 0.0, "serving", {})
    await policies.put("v2", 1.0, "serving", {})
    current = await policies.current()
    assert current is not None
    assert current["version"] == "v2"
    assert {row["version"]: row["state"] for row in await policies.all()} == {"v1": "retired", "v2": "serving"}
