"""What the learner reads back: calls and rewards joined with the decisions they belong to.

Synchronous and read-only: it runs in the learner's process; the daemon stays the store's one writer.
"""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from typing import Any

import msgspec

from gateway.store.reading import open_reader
from gateway.store.sqlite_errors import store_error
from gateway.store.urls import sqlite_path


class ExperienceRow(msgspec.Struct, frozen=True):
    """One label for one tool: a finished call, or a later reward of a call or a decision.

    `seq` grows with time and is the reader's cursor. `outcome` is a `CallOutcome` for calls and "" for rewards;
    `usefulness` (0..1) is None for calls; `query` is the text the decision was made for, "" when unknown or no
    longer kept. `shown` and `propensities` are the decision's.
    """

    seq: int
    kind: str  # call | reward
    at: float  # seconds since the epoch
    tool: str  # exposed name
    outcome: str
    latency_s: float | None
    usefulness: float | None
    weight: float
    source: str  # call | rating | vote | judge | implicit
    provenance: str
    call_id: str | None
    decision_id: str | None
    query: str
    agent: str
    run: str
    round: int
    shown: tuple[str, ...]
    propensities: tuple[float | None, ...]
    bucket: bool
    policy_version: str
    toolset_version: str


_SINCE = """
SELECT e.seq, e.kind, COALESCE(c.at, r.at), COALESCE(c.exposed, r.tool, rc.exposed, ''), COALESCE(c.outcome, ''),
       c.latency_s, r.value, COALESCE(r.weight, 1.0), COALESCE(r.source, 'call'), COALESCE(r.provenance, ''),
       COALESCE(c.call_id, r.call_id), COALESCE(c.decision_id, r.decision_id, rc.decision_id), COALESCE(q.text, ''),
       COALESCE(c.agent, rc.agent, d.agent, ''), COALESCE(c.run, rc.run, d.run, ''),
       COALESCE(c.round, rc.round, d.round, 0), d.shown, d.propensities, d.bucket, d.policy_version, d.toolset_version
FROM experience e
LEFT JOIN calls c ON e.kind = 'call' AND c.call_id = e.ref
LEFT JOIN rewards r ON e.kind = 'reward' AND r.id = e.ref
LEFT JOIN calls rc ON rc.call_id = r.call_id
LEFT JOIN decisions d ON d.decision_id = COALESCE(c.decision_id, r.decision_id, rc.decision_id)
LEFT JOIN queries q ON q.query_id = d.query_id
WHERE e.seq > ? AND (c.call_id IS NOT NULL OR r.id IS NOT NULL)
ORDER BY e.seq LIMIT ?
"""


class ExperienceReader:
    """Reads the store that `url` names, through a connection of its own that cannot write."""

    def __init__(self, url: str) -> None:
        self._path = sqlite_path(url)
        try:
            self._connection = open_reader(self._path)
        except sqlite3.Error as exc:
            raise store_error(self._path, exc) from exc

    def since(self, seq: int, limit: int) -> list[ExperienceRow]:
        """Return up to `limit` rows whose `seq` is greater, in order; start with 0 and go on with the last row's.

        Raises: StoreUnavailable, StoreError.
        """
        try:
            found = self._connection.execute(_SINCE, (seq, limit)).fetchall()
        except sqlite3.Error as exc:
            raise store_error(self._path, exc) from exc
        return [_row(row) for row in found]

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _row(row: tuple[Any, ...]) -> ExperienceRow:
    seq, kind, at, *middle = row[:-5]
    shown, propensities, bucket, policy_version, toolset_version = row[-5:]
    cells: list[Any] = [seq, kind, datetime.fromisoformat(at).timestamp(), *middle]
    cells += [tuple(json.loads(shown or "[]")), tuple(json.loads(propensities or "[]")), bool(bucket)]
    cells += [policy_version or "", toolset_version or ""]
    return ExperienceRow(*cells)
