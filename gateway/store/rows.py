"""Facts as ledger rows, in the columns' order. No I/O."""

from __future__ import annotations

import hashlib
import json

from gateway.clock import rfc3339
from gateway.facts import CallFinished, Rewarded
from gateway.model import Decision

Cells = tuple[object, ...]
DAY_S = 86400.0


def call_row(call: CallFinished) -> Cells:
    """A row of `calls`."""
    return (
        clean(call.call_id), rfc3339(call.at), clean(call.principal), clean(call.agent), clean(call.run), call.round,
        clean(call.session), clean(call.profile), clean(call.server), clean(call.tool), clean(call.exposed), call.via,
        call.decision_id, str(call.outcome), call.error_code, call.latency_s,
        call.bytes_in, call.bytes_out, call.args_hmac, call.cost,
    )  # fmt: skip


def decision_row(decision: Decision) -> Cells:
    """A row of `decisions`."""
    return (
        decision.id, rfc3339(decision.at), str(decision.kind), clean(decision.key), clean(decision.agent),
        clean(decision.run), decision.round, query_id(decision), decision.toolset_version,
        json.dumps(decision.shown), json.dumps(decision.propensities), signed_64(decision.seed),
        decision.policy_version, int(decision.bucket), decision.mode,
    )  # fmt: skip


def reward_row(reward: Rewarded) -> Cells:
    """A row of `rewards`."""
    return (
        clean(reward.id), reward.call_id, reward.decision_id, rfc3339(reward.at), reward.source, reward.value,
        reward.weight, clean(reward.provenance), reward.tool,
    )  # fmt: skip


def query_row(decision: Decision, keep_days: float) -> Cells | None:
    """A row of `queries` for a decision with a query; its text only if it may be kept at all."""
    identity = query_id(decision)
    if identity is None:
        return None
    if keep_days <= 0 or not decision.query:
        return (identity, None, None)
    return (identity, clean(decision.query), rfc3339(decision.at + keep_days * DAY_S))


def query_id(decision: Decision) -> str | None:
    """SHA-256 of the query's text, unless the decision brings its own id; None without a query."""
    if decision.query_id:
        return decision.query_id
    return hashlib.sha256(decision.query.encode("utf-8", "replace")).hexdigest() if decision.query else None


def clean(text: str) -> str:
    """Replace what UTF-8 cannot hold: callers name agents and runs as they like."""
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text


def signed_64(number: int) -> int:
    """Fold a seed into what an INTEGER column holds; seeds below 2**63 stay as they are."""
    return (number + 2**63) % 2**64 - 2**63
