"""The ledger: calls, decisions and rewards as they happened.

Names, sizes, times and outcomes; never arguments or results.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from gateway.clock import Clock, SystemClock, rfc3339
from gateway.errors import UsageError
from gateway.facts import CallFinished, DecisionMade, Rewarded
from gateway.store import rows, schema
from gateway.store.database import Database
from gateway.store.writer import Step

LedgerFact = CallFinished | DecisionMade | Rewarded

CALL_COLUMNS = schema.column_names(schema.CALLS)
REWARD_COLUMNS = schema.column_names(schema.REWARDS)
# A batch whose acknowledgement got lost may be written again: the second time changes nothing.
_CALL = schema.insert_sql(schema.CALLS, conflict="DO NOTHING")
_DECISION = schema.insert_sql(schema.DECISIONS, conflict="DO NOTHING")
_REWARD = schema.insert_sql(schema.REWARDS, conflict="DO NOTHING")
_EXPERIENCE = schema.insert_sql(schema.EXPERIENCE, columns=("kind", "ref"), conflict="DO NOTHING")
_QUERY = schema.insert_sql(
    schema.QUERIES,
    conflict="(query_id) DO UPDATE SET text = COALESCE(excluded.text, queries.text), kept_until = CASE"
    " WHEN queries.kept_until IS NULL OR excluded.kept_until > queries.kept_until THEN excluded.kept_until"
    " ELSE queries.kept_until END",
)
_ONE_CALL = schema.select_sql(schema.CALLS, "WHERE call_id = ?")
_REWARDS_OF_CALL = schema.select_sql(schema.REWARDS, "WHERE call_id = ? ORDER BY at, id")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(r"^(\d+(?:\.\d+)?)([smhdw])$")
_RUNS = (
    "SELECT run, min(at), max(at), count(*), sum(outcome = 'ok'), count(DISTINCT exposed), group_concat(DISTINCT agent)"
    " FROM calls GROUP BY run ORDER BY max(at) DESC LIMIT ?"
)


class Ledger:
    """Writes facts, answers questions about them."""

    def __init__(self, db: Database, clock: Clock | None = None) -> None:
        self._db = db
        self._clock = clock or SystemClock()

    async def append(self, facts: Sequence[LedgerFact], *, keep_queries_days: float = 0.0) -> None:
        """Commit facts, all or none, in their order. Texts of queries are kept that many days (0: not at all).

        Raises: StoreError when a fact cannot be stored, StoreUnavailable when nothing can be stored now.
        """
        await self._db.transaction(_steps(facts, keep_queries_days))

    async def calls(
        self,
        *,
        agent: str | None = None,
        run: str | None = None,
        tool: str | None = None,
        since: str | None = None,
        limit: int = 50,
    ) -> list[dict[str, Any]]:
        """Return rows of `calls`, newest first. `tool`: exposed or own name; `since`: RFC 3339 or "90s", "1h", "2d".

        Raises: UsageError for a `since` or `limit` that cannot be read.
        """
        conditions, params = ["1 = 1"], []
        for condition, value in (("agent = ?", agent), ("run = ?", run), ("(exposed = ? OR tool = ?)", tool)):
            if value is not None:
                conditions.append(condition)
                params += [value] * condition.count("?")
        if since is not None:
            conditions.append("at >= ?")
            params.append(since_text(since, self._clock.wall()))
        rest = f"WHERE {' AND '.join(conditions)} ORDER BY at DESC, call_id DESC LIMIT ?"
        found = await self._db.fetch(schema.select_sql(schema.CALLS, rest), [*params, _limit(limit)])
        return [dict(zip(CALL_COLUMNS, row, strict=True)) for row in found]

    async def newest(self, limit: int) -> list[CallFinished]:
        """Return the newest calls as facts, oldest first."""
        rest = "ORDER BY at DESC, call_id DESC LIMIT ?"
        found = await self._db.fetch(schema.select_sql(schema.CALLS, rest), (limit,))
        return [_fact(row) for row in reversed(found)]

    async def call(self, call_id: str) -> dict[str, Any] | None:
        """Return one row of `calls` with its rewards under "rewards"."""
        found = await self._db.fetch(_ONE_CALL, (call_id,))
        if not found:
            return None
        judged = await self._db.fetch(_REWARDS_OF_CALL, (call_id,))
        rewards = [dict(zip(REWARD_COLUMNS, row, strict=True)) for row in judged]
        return {**dict(zip(CALL_COLUMNS, found[0], strict=True)), "rewards": rewards}

    async def runs(self, *, limit: int = 50) -> list[dict[str, Any]]:
        """Return one row per run, the most recently active first."""
        return [_run(row) for row in await self._db.fetch(_RUNS, (_limit(limit),))]

    async def counts(self) -> dict[str, int]:
        """Return how many calls, decisions and rewards there are."""
        query = "SELECT (SELECT count(*) FROM calls), (SELECT count(*) FROM decisions), (SELECT count(*) FROM rewards)"
        calls, decisions, rewards = (await self._db.fetch(query))[0]
        return {"calls": calls, "decisions": decisions, "rewards": rewards}

    async def purge_queries(self) -> int:
        """Forget the texts of queries that have been kept long enough; returns how many."""
        now = rfc3339(self._clock.wall())
        return await self._db.execute(
            "UPDATE queries SET text = NULL, kept_until = NULL WHERE text IS NOT NULL AND kept_until < ?", (now,)
        )


def since_text(since: str, wall: float) -> str:
    """Read "1h" (before `wall`, seconds since the epoch) or an RFC 3339 time into the form that rows hold.

    Raises: UsageError.
    """
    if match := _DURATION.fullmatch(since.strip()):
        return rfc3339(max(0.0, wall - float(match[1]) * _UNITS[match[2]]))
    try:
        moment = datetime.fromisoformat(since.strip())
        return rfc3339((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError) as exc:
        raise UsageError(
            f"cannot read the time {since!r}", fix='Give a duration such as "90s", "1h" or "2d", or an RFC 3339 time.'
        ) from exc


def _limit(limit: int) -> int:
    if limit < 1:
        raise UsageError(f"the limit must be at least 1, not {limit}", fix="Ask for one row or more.")
    return min(limit, 100_000)


def _steps(facts: Sequence[LedgerFact], keep_days: float) -> list[Step]:
    calls = [fact for fact in facts if isinstance(fact, CallFinished)]
    decisions = [fact.decision for fact in facts if isinstance(fact, DecisionMade)]
    rewards = [fact for fact in facts if isinstance(fact, Rewarded)]
    labels = [
        ("call", fact.call_id) if isinstance(fact, CallFinished) else ("reward", fact.id)
        for fact in facts
        if not isinstance(fact, DecisionMade)
    ]
    queries = [row for decision in decisions if (row := rows.query_row(decision, keep_days)) is not None]
    return [
        (_QUERY, queries),
        (_DECISION, [rows.decision_row(decision) for decision in decisions]),
        (_CALL, [rows.call_row(call) for call in calls]),
        (_REWARD, [rows.reward_row(reward) for reward in rewards]),
        (_EXPERIENCE, [(kind, rows.clean(ref)) for kind, ref in labels]),
    ]


def _fact(row: tuple[Any, ...]) -> CallFinished:
    members = dict(zip(CALL_COLUMNS, row, strict=True))
    return CallFinished(**(members | {"at": datetime.fromisoformat(members["at"]).timestamp()}))


def _run(row: tuple[Any, ...]) -> dict[str, Any]:
    run, first, last, calls, ok, tools, agents = row
    names = sorted(name for name in (agents or "").split(",") if name)
    return {
        "run": run,
        "first_at": first,
        "last_at": last,
        "calls": calls,
        "ok": ok,
        "failed": calls - ok,
        "tools": tools,
        "agents": names,
    }
