"""Whether a soak went well: what was asked, what was answered, what was executed, what is left. No I/O."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

EXPLAINED: Final = frozenset(
    {"child_gone", "timeout", "breaker_open", "not_ready", "busy", "rate_limited", "too_large"}
)
"""Errors that a fault explains; anything else (`internal`, `rpc_error`) is a fault of ours."""

MORE_FDS: Final = 12
MORE_TASKS: Final = 20
MORE_BYTES: Final = 48 * 2**20
STEADY: Final = 4
"""So many samples at either end are compared by their medians."""

WARM_UP_S: Final = 180.0
WARM_UP_SHARE: Final = 0.25
"""Caches fill first: samples of so many seconds, or of this share of a shorter soak, do not count."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One call and how it ended: `outcome` is ok, an error code of the gateway, or `lost: …`."""

    token: str
    server: str
    outcome: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """The daemon at one moment."""

    at: float
    fds: int
    tasks: int
    rss_bytes: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that was seen."""

    calls: Sequence[Asked]
    executed: Sequence[str]  # tokens, as the servers wrote them down
    servers: Sequence[Mapping[str, Any]]  # rows of the status at the end
    samples: Sequence[Sample]
    orphans: Sequence[str] = ()
    store: Sequence[str] = ("ok",)
    ledger_rows: int = 0
    exit_status: int = 0
    others: Sequence[str] = field(default=())


def violations(seen: Evidence) -> list[str]:
    """Return what went wrong; empty: all is well."""
    return [
        *_calls(seen),
        *_servers(seen),
        *(f"left over: {one}" for one in seen.orphans),
        *([] if list(seen.store) == ["ok"] else [f"the store is damaged: {list(seen.store)}"]),
        *(
            []
            if seen.ledger_rows >= len(seen.calls)
            else [f"{len(seen.calls)} calls, {seen.ledger_rows} in the ledger"]
        ),
        *([] if seen.exit_status == 0 else [f"the gateway ended with status {seen.exit_status}"]),
        *_growth(seen.samples),
        *seen.others,
    ]


def summary(seen: Evidence) -> dict[str, Any]:
    """Return the figures for the record."""
    outcomes = Counter(call.outcome.partition(":")[0] for call in seen.calls)
    restarts = {row["name"]: row["restarts"] for row in seen.servers}
    ends = [seen.samples[0], seen.samples[-1]] if seen.samples else []
    return {
        "calls": len(seen.calls),
        "outcomes": dict(outcomes.most_common()),
        "executed": len(seen.executed),
        "restarts": restarts,
        "first_and_last": [
            {"at": round(one.at), "fds": one.fds, "tasks": one.tasks, "rss_bytes": one.rss_bytes} for one in ends
        ],
    }


def _calls(seen: Evidence) -> list[str]:
    found = []
    counts = Counter(seen.executed)
    for call in seen.calls:
        if call.outcome == "ok" and call.text != call.token:
            found.append(f"{call.server}: asked {call.token}, answered {call.text[:60]!r}")
        elif call.outcome == "ok" and counts[call.token] != 1:
            found.append(f"{call.server}: {call.token} was answered, and executed {counts[call.token]} times")
        elif call.outcome != "ok" and call.outcome not in EXPLAINED:
            found.append(f"{call.server}: {call.token} ended as {call.outcome}: {call.text[:120]}")
    found += [f"{token} was executed {count} times" for token, count in counts.items() if count > 1]
    if not any(call.outcome == "ok" for call in seen.calls):
        found.append("no call succeeded at all")
    return found


def _servers(seen: Evidence) -> list[str]:
    return [
        f"{row['name']} is {row['state']}: {row['reason']}"
        for row in seen.servers
        if row["state"] != "ready" and not row.get("resting")
    ]


def _growth(samples: Sequence[Sample]) -> list[str]:
    warm_up_s = min(WARM_UP_S, samples[-1].at * WARM_UP_SHARE) if samples else 0.0
    steady = [one for one in samples if one.at >= warm_up_s]
    if len(steady) < 2 * STEADY:
        return [f"only {len(steady)} samples: too short to see growth"]
    first, last = steady[:STEADY], steady[-STEADY:]
    bounds = {"fds": MORE_FDS, "tasks": MORE_TASKS, "rss_bytes": MORE_BYTES}
    found = []
    for name, bound in bounds.items():
        before = statistics.median(getattr(one, name) for one in first)
        after = statistics.median(getattr(one, name) for one in last)
        if after - before > bound:
            found.append(f"{name} grew from {before:.0f} to {after:.0f}")
    return found
