"""Which fault strikes whom, and when: decided by a seed before anything runs. No I/O."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

PER_WINDOW: Final = 3
WINDOW_S: Final = 300.0
"""No server is struck more often, so that none reaches its start limit (5 in 300 s)."""

WARM_UP_S: Final = 10.0
QUIET_S: Final = 60.0
"""The end without faults: everything must have come back by then."""

APART_S: Final = 6.0
"""Between two faults of the same server: the second shall meet a server that works."""

MEAN_GAP_S: Final = 6.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; `at` in seconds since the start of the load."""

    at: float
    server: str
    kind: str


def plan(seed: int, targets: Mapping[str, Sequence[str]], duration_s: float, quiet_s: float = QUIET_S) -> list[Fault]:
    """Return the faults in their order. `targets`: the kinds of faults of each server; every kind has its turn."""
    rng = random.Random(seed)
    decks: dict[str, list[str]] = {name: [] for name in targets}
    struck: dict[str, list[float]] = {name: [] for name in targets}
    faults: list[Fault] = []
    at = WARM_UP_S
    while at < duration_s - quiet_s:
        able = [name for name in targets if _may_be_struck(struck[name], at)]
        if able:
            name = rng.choice(able)
            if not decks[name]:
                decks[name] = rng.sample(list(targets[name]), len(targets[name]))
            struck[name].append(at)
            faults.append(Fault(round(at, 2), name, decks[name].pop()))
        at += rng.uniform(0.2, 2 * MEAN_GAP_S - 0.2)
    return faults


def _may_be_struck(before: Sequence[float], at: float) -> bool:
    recent = [moment for moment in before if at - moment < WINDOW_S]
    return len(recent) < PER_WINDOW and all(at - moment >= APART_S for moment in recent)
