"""Ended sessions."""

from __future__ import annotations

from gateway.store.database import Database
from gateway.store.tombstones import Tombstones


async def test_a_buried_session_is_known_at_once_and_after_a_restart(db: Database) -> None:
    stones = Tombstones(db)
    await stones.bury("s1", 100.0)
    again = Tombstones(db)
    await again.load(50.0)
    assert stones.contains("s1")
    assert again.contains("s1")
    assert not again.contains("s2")


async def test_expired_tombstones_are_cleared_away(db: Database) -> None:
    stones = Tombstones(db)
    await stones.bury("old", 100.0)
    await stones.bury("new", 300.0)
    await stones.load(200.0)
    assert not stones.contains("old")
    assert stones.contains("new")
    assert await db.fetch("SELECT sid FROM tombstones") == [("new",)]
