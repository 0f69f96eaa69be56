"""Facts as a test needs them: complete, with the members it cares about given."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.facts import CallFinished, DecisionMade, Rewarded
from gateway.model import Decision, DecisionKind

NOON = 1_800_000_000.0  # the fake clock's wall time: 2027-01-15T08:00:00.000Z

_CALL = CallFinished(
    call_id="c1", at=NOON, principal="p", agent="ann", run="run-1", round=1, session="s", profile="", server="clock",
    tool="now", exposed="clock__now", via="direct", decision_id=None, outcome="ok", error_code=None, latency_s=0.25,
    bytes_in=10, bytes_out=20, args_hmac="0123456789abcdef",
)  # fmt: skip


def call(call_id: str = "c1", **changes: Any) -> CallFinished:
    """A finished call."""
    return msgspec.structs.replace(_CALL, call_id=call_id, **changes)


def decided(decision_id: str = "d1", **changes: Any) -> DecisionMade:
    """A decision that was made."""
    members: dict[str, Any] = {
        "kind": DecisionKind.FIND, "at": NOON, "key": "p\x1fann", "agent": "ann", "run": "run-1", "round": 2,
        "shown": ("clock__now", "git__log"), "propensities": (0.75, None), "seed": 7, "policy_version": "v1",
        "toolset_version": "t1", "bucket": True, "query": "what time is it",
    }  # fmt: skip
    return DecisionMade(Decision(id=decision_id, **{**members, **changes}))


def rewarded(reward_id: str = "r1", **changes: Any) -> Rewarded:
    """A judgement."""
    members: dict[str, Any] = {
        "call_id": "c1", "decision_id": None, "at": NOON + 5, "source": "rating", "value": 0.5, "weight": 1.0,
        "provenance": "ann",
    }  # fmt: skip
    return Rewarded(reward_id, **{**members, **changes})
