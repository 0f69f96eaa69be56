"""Rows of requests."""

from __future__ import annotations

from pathlib import Path

from gateway.store.database import Database
from gateway.store.requests import Request, Requests
from gateway.store.urls import sqlite_url


async def test_wishes_are_kept_counted_and_moved_only_from_where_they_are(tmp_path: Path) -> None:
    db = await Database.open(sqlite_url(tmp_path / "s.sqlite"))
    try:
        kept = Requests(db)
        first = Request("r-1", 1.0, "ann", "run", "acme/a", principal="p1", key="acme/a")
        second = Request("r-2", 2.0, "bob", "run", "acme/a", state="denied", decided_at=3.0, key="acme/a")
        third = Request("r-3", 4.0, "bob", "run", "acme/b", principal="p1", key="acme/b")
        for request in (first, second, third):
            await kept.put(request)
        assert (await kept.get("r-1"), await kept.get("r-9")) == (first, None)
        assert await kept.newest_for("acme/a") == second
        assert await kept.newest_for("acme/none") is None
        assert (await kept.waiting(), await kept.waiting(agent="bob"), await kept.waiting(agent="eve")) == (2, 1, 0)
        assert (await kept.waiting(principal="p1"), await kept.waiting(principal="p2")) == (2, 0)
        assert [request.id for request in await kept.list()] == ["r-3", "r-1", "r-2"]
        assert await kept.list("denied") == [second]
        assert await kept.list(limit=1) == [third]
        assert await kept.move("r-1", ("pending",), "approved", 5.0, "soon")
        assert not await kept.move("r-1", ("pending",), "denied", 6.0, "late")
        moved = await kept.get("r-1")
        assert moved is not None
        assert (moved.state, moved.decided_at, moved.message) == ("approved", 5.0, "soon")
    finally:
        await db.close()
