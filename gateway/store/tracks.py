"""How servers did here: how often they started or failed to, and what became of their newest calls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from gateway.clock import Clock
from gateway.store import schema
from gateway.store.database import Database
from gateway.store.installed import Installed
from gateway.store.listings.values import Track

NEWEST_CALLS = 2000  # of all servers: a server that was mended is not held to its past, and the ledger may be long
KEPT_S = 10.0  # what is told may be this old: a search looks at it for every listing
_NOTE = schema.insert_sql(
    schema.STARTS, conflict="(ref) DO UPDATE SET ok = ok + excluded.ok, failed = failed + excluded.failed"
)
# What a client or the gateway itself gave up says nothing about the server.
_CALLS = (
    "SELECT server, count(*), sum(outcome <> 'ok') FROM (SELECT server, outcome FROM calls ORDER BY at DESC LIMIT ?)"
    " WHERE outcome IN ('ok', 'tool_error', 'timeout', 'gone') GROUP BY server"
)


class Tracks:
    """Rows of `starts`, seen together with the ledger."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._installed = Installed(db)
        self._known: Mapping[str, Track] = {}
        self._known_at: float | None = None

    async def note(self, starts: Mapping[str, tuple[int, int]]) -> None:
        """Add to what is known: (starts, failed starts) by reference.

        Raises: StoreError, StoreUnavailable.
        """
        rows = [(plain_reference(ref), ok, failed) for ref, (ok, failed) in starts.items()]
        await self._db.execute_many(_NOTE, rows)
        self._known_at = None

    async def tracks(self) -> Mapping[str, Track]:
        """Return what is known, by reference without version (`smithery:acme/echo`)."""
        now = self._clock.now()
        if self._known_at is None or not 0 <= now - self._known_at < KEPT_S:
            self._known, self._known_at = await self._read(), now
        return self._known

    async def _read(self) -> dict[str, Track]:
        counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for ref, ok, failed in await self._db.fetch("SELECT ref, ok, failed FROM starts"):
            counts[ref][0:2] = [ok, failed]
        refs = {server.spec.name: plain_reference(server.spec.from_) for server in await self._installed.all()}
        for server, calls, errors in await self._db.fetch(_CALLS, (NEWEST_CALLS,)):
            if server in refs:
                mine = counts[refs[server]]
                mine[2:4] = [mine[2] + calls, mine[3] + errors]
        return {ref: Track(*numbers) for ref, numbers in counts.items()}


def plain_reference(reference: str) -> str:
    """Return a listing's reference without a version: `registry:a/b@1.0` is `registry:a/b`."""
    kind, colon, rest = reference.partition(":")
    bare = rest.removeprefix("@").partition("@")[0]
    return f"{kind}{colon}{bare}" if kind in {"smithery", "registry", "starter"} else reference
