"""`tools`, `call`, `calls`, `runs`, `feedback`: the endpoint as an operator uses it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from gateway.errors import NotFound, UsageError
from gateway.facts import Rewarded
from gateway.model import ExposedName
from gateway.verbs.parts import Running

Json = dict[str, Any]
RATING_WEIGHT = 3.0  # a judgement counts more than what a call's outcome merely suggests


async def tools(
    running: Running, *, query: str | None = None, agent: str | None = None, run: str | None = None
) -> Json:
    """What an agent would be offered now, with scores and why. Makes no decision that counts."""
    toolset = running.endpoint.toolset
    limit = running.parts.config().tools.max_listed
    scores = running.policy.explain(query or "", running.caller(agent, run), tuple(toolset.entries))
    rows = []
    for place, score in enumerate(scores):
        ref = toolset.entries[ExposedName(score.name)].tool.ref
        rows.append(
            {
                "name": score.name,
                "server": ref.server,
                "tool": ref.tool,
                "score": score.score,
                "relevance": score.relevance,
                "reliability": score.reliability,
                "n": score.n,
                "listed": place < limit,
                "why": score.why,
            }
        )
    learned = running.policy.status()
    return {"decision_id": None, "policy_version": learned["version"], "mode": learned["mode"], "tools": rows}


async def call(
    running: Running, tool: str, arguments: Mapping[str, Any], *, agent: str | None = None, run: str | None = None
) -> Json:
    """Call one exposed tool."""
    return await running.endpoint.call_for_api(tool, arguments, running.caller(agent, run))


async def calls(running: Running, **filters: Any) -> Json:
    """Rows of the ledger, newest first."""
    await running.ledger_sink.committed()
    return {"calls": await running.parts.ledger.calls(**filters)}


async def runs(running: Running, *, limit: int = 50) -> Json:
    """Runs, newest first."""
    await running.ledger_sink.committed()
    return {"runs": await running.parts.ledger.runs(limit=limit)}


async def feedback(running: Running, call_id: str, score: float, *, comment: str = "") -> Json:
    """Judge a call; answered once the judgement is committed."""
    if not 0.0 <= score <= 1.0:
        raise UsageError(
            f"a score is between 0 (useless) and 1 (useful), not {score:g}", fix="Give a number from 0 to 1."
        )
    await running.ledger_sink.committed()
    row = await running.parts.ledger.call(call_id)
    if row is None:
        raise NotFound(f"no call {call_id[:60]!r} is recorded", fix="See `mcp-gateway calls`.")
    reward = rating(running, row, score, provenance=f"admin{': ' if comment else ''}{comment[:500]}")
    running.publish(reward)
    await running.ledger_sink.committed()
    return {"id": reward.id, "call_id": call_id, "score": score}


def rating(running: Running, row: Mapping[str, Any], score: float, *, provenance: str) -> Rewarded:
    """The fact that somebody judged a recorded call."""
    return Rewarded(
        id=secrets.token_hex(8),
        call_id=row["call_id"],
        decision_id=row["decision_id"],
        at=running.parts.clock.wall(),
        source="rating",
        value=score,
        weight=RATING_WEIGHT,
        provenance=provenance,
        tool=row["exposed"],
    )
