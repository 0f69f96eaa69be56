"""Sessions that ended (DELETE or expiry) although their signed id would still be good."""

from __future__ import annotations

from gateway.store import schema
from gateway.store.database import Database

_BURY = schema.insert_sql(schema.TOMBSTONES, conflict="(sid) DO UPDATE SET until = excluded.until")


class Tombstones:
    """Asked on each request, so kept in memory as well; `until` is when the id would have expired anyway."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._until: dict[str, float] = {}

    async def load(self, now: float) -> None:
        """Drop what expired before `now` (seconds since the epoch) and read the rest; also good as a periodic sweep."""
        await self._db.execute("DELETE FROM tombstones WHERE until < ?", (now,))
        rows = await self._db.fetch("SELECT sid, until FROM tombstones")
        kept = {sid: until for sid, until in self._until.items() if until >= now}
        self._until = {**kept, **dict(rows)}

    def contains(self, sid: str) -> bool:
        """Has this session ended?"""
        return sid in self._until

    async def bury(self, sid: str, until: float) -> None:
        """End a session: effective at once, durable on return."""
        self._until[sid] = until
        await self._db.execute(_BURY, (sid, until))
