"""Versions of the policy: when each came, what became of it, and its numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gateway.clock import rfc3339
from gateway.store import schema
from gateway.store.database import Database

SERVING = "serving"
RETIRED = "retired"

_PUT = schema.insert_sql(
    schema.POLICY_VERSIONS,
    conflict="(version) DO UPDATE SET at = excluded.at, state = excluded.state, metrics = excluded.metrics",
)
_RETIRE = "UPDATE policy_versions SET state = ? WHERE state = ? AND version <> ?"
_SELECT = "SELECT version, at, state, metrics FROM policy_versions"


class Policies:
    """Rows of `policy_versions`. At most one version is `serving`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def put(self, version: str, at: float, state: str, metrics: Mapping[str, Any]) -> None:
        """Write a version; one that becomes `serving` retires the one before it. `at`: seconds since the epoch."""
        row = (version, rfc3339(at), state, json.dumps(metrics, sort_keys=True, default=str))
        steps: list[tuple[str, list[tuple[Any, ...]]]] = [(_PUT, [row])]
        if state == SERVING:
            steps.append((_RETIRE, [(RETIRED, SERVING, version)]))
        await self._db.transaction(steps)

    async def all(self) -> list[dict[str, Any]]:
        """Return every version, newest first, as {version, at, state, metrics}."""
        return [_row(row) for row in await self._db.fetch(f"{_SELECT} ORDER BY at DESC, version DESC")]

    async def current(self) -> dict[str, Any] | None:
        """Return the serving version, if there is one."""
        rows = await self._db.fetch(f"{_SELECT} WHERE state = ? ORDER BY at DESC LIMIT 1", (SERVING,))
        return _row(rows[0]) if rows else None


def _row(row: tuple[Any, ...]) -> dict[str, Any]:
    version, at, state, metrics = row
    return {"version": version, "at": at, "state": state, "metrics": json.loads(metrics)}
