"""What the learner reads back: calls and rewards joined with the decisions they belong to.

Synchronous and read-only: it runs in the learner's process; the daemon stays the store's one writer.
"""

from __future__ import annotations

import msgspec


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
