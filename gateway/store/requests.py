"""What agents asked to have installed, and what people said to it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway.store import schema
from gateway.store.database import Database

PENDING, APPROVED, DENIED, INSTALLED, FAILED = "pending", "approved", "denied", "installed", "failed"
STATES = (PENDING, APPROVED, DENIED, INSTALLED, FAILED)

_PUT = schema.insert_sql(schema.REQUESTS)
_MOVE = "UPDATE requests SET state = ?, decided_at = ?, message = ? WHERE id = ? AND state IN ({})"


class Request(msgspec.Struct, frozen=True):
    """One wish. `at` and `decided_at`: seconds since the epoch. `message`: what it needs, or why it failed.

    `principal`: who was proven to ask. `key`: the server that is meant, however its name is spelled.
    """

    id: str
    at: float
    agent: str
    run: str
    name: str
    state: str = PENDING
    decided_at: float | None = None
    message: str = ""
    principal: str = ""
    key: str = ""


class Requests:
    """Rows of `requests`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def put(self, request: Request) -> None:
        """Keep a new wish."""
        await self._db.execute(_PUT, msgspec.structs.astuple(request))

    async def get(self, request_id: str) -> Request | None:
        """Return one wish."""
        return next(iter(await self._where("id = ?", request_id)), None)

    async def newest_for(self, key: str) -> Request | None:
        """Return the newest wish for the server that this key means."""
        return next(iter(await self._where("key = ? ORDER BY at DESC LIMIT 1", key)), None)

    async def waiting(self, *, agent: str | None = None, principal: str | None = None) -> int:
        """Count the wishes that nobody has decided yet, all of them or those of one agent or principal."""
        sql = (
            "SELECT count(*) FROM requests WHERE state = ?"
            " AND (? IS NULL OR agent = ?) AND (? IS NULL OR principal = ?)"
        )
        rows = await self._db.fetch(sql, (PENDING, agent, agent, principal, principal))
        return int(rows[0][0])

    async def list(self, state: str | None = None, *, limit: int = 100) -> Sequence[Request]:
        """Return wishes, those that wait first, then the newest; of one state or of all."""
        order = f"ORDER BY state <> '{PENDING}', at DESC LIMIT ?"
        return await (self._where(f"state = ? {order}", state, limit) if state else self._where(f"1 {order}", limit))

    async def move(self, request_id: str, before: tuple[str, ...], after: str, at: float, message: str) -> bool:
        """Give a wish in one of the states `before` another state; False when it is in none of them (any more)."""
        sql = _MOVE.format(", ".join("?" * len(before)))
        return await self._db.execute(sql, (after, at, message, request_id, *before)) > 0

    async def _where(self, rest: str, *params: object) -> Sequence[Request]:
        rows = await self._db.fetch(schema.select_sql(schema.REQUESTS, f"WHERE {rest}"), params)
        return [Request(*row) for row in rows]
