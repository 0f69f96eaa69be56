"""The death log: how and why children ended although they were wanted. Bounded; outlives the daemon."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.clock import rfc3339
from gateway.errors import UsageError
from gateway.facts import ChildExited
from gateway.store import schema
from gateway.store.database import Database
from gateway.store.rows import Cells, clean
from gateway.store.writer import Step

PER_SERVER = 1000
IN_ALL = 20_000
TAIL_LINES = 20
TAIL_CHARACTERS = 4096
"""What is kept of one child's last words: a full log then holds tens of megabytes, not gigabytes."""

COLUMNS = schema.column_names(schema.DEATHS)
TOLD = tuple(name for name in COLUMNS if name != "id")

_PUT = schema.insert_sql(schema.DEATHS, columns=TOLD)
_TRIM_SERVER = (
    "DELETE FROM deaths WHERE server = ? AND id <="
    " (SELECT id FROM deaths WHERE server = ? ORDER BY id DESC LIMIT 1 OFFSET ?)"
)
_TRIM_ALL = "DELETE FROM deaths WHERE id <= (SELECT id FROM deaths ORDER BY id DESC LIMIT 1 OFFSET ?)"


class Deaths:
    """Rows of `deaths`."""

    def __init__(self, db: Database, *, per_server: int = PER_SERVER, in_all: int = IN_ALL) -> None:
        self._db = db
        self._per_server = per_server
        self._in_all = in_all

    async def add(self, exits: Sequence[ChildExited], versions: Mapping[str, str | None]) -> None:
        """Keep these ends, oldest first, and let the oldest ones go where there are too many.

        `versions`: what of each server was installed.

        Raises: StoreError, StoreUnavailable.
        """
        if not exits:
            return
        servers = sorted({str(fact.server) for fact in exits})
        steps: list[Step] = [
            (_PUT, [_row(fact, versions.get(fact.server)) for fact in exits]),
            (_TRIM_SERVER, [(server, server, self._per_server) for server in servers]),
            (_TRIM_ALL, [(self._in_all,)]),
        ]
        await self._db.transaction(steps)

    async def newest(self, server: str | None = None, *, limit: int = 50) -> list[dict[str, Any]]:
        """Return deaths of one server or of all, the newest first.

        Raises: UsageError for a limit below 1.
        """
        if limit < 1:
            raise UsageError(f"the limit must be at least 1, not {limit}", fix="Ask for one row or more.")
        rest = f"{'WHERE server = ? ' if server is not None else ''}ORDER BY id DESC LIMIT ?"
        params = ([server] if server is not None else []) + [min(limit, self._in_all)]
        return [_told(row) for row in await self._db.fetch(schema.select_sql(schema.DEATHS, rest), params)]


def _row(fact: ChildExited, version: str | None) -> Cells:
    return (
        clean(fact.server), rfc3339(fact.at), fact.cause, fact.code, fact.signal, clean(fact.reason),
        int(fact.was_wanted), fact.uptime_s, fact.pid, json.dumps(last_words(fact.stderr_tail)), version,
    )  # fmt: skip


def last_words(tail: Sequence[str]) -> list[str]:
    """The newest lines that fit into what is kept."""
    kept: list[str] = []
    room = TAIL_CHARACTERS
    for line in reversed(tail[-TAIL_LINES:]):
        if room <= 0:
            break
        kept.append(clean(line)[:room])
        room -= len(line)
    return kept[::-1]


def _told(row: Sequence[Any]) -> dict[str, Any]:
    members = dict(zip(COLUMNS, row, strict=True))
    del members["id"]
    return {
        **members,
        "was_wanted": bool(members["was_wanted"]),
        "stderr_tail": json.loads(members["stderr_tail"]),
    }
