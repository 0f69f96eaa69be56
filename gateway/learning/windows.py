"""Reward per window of calls, beside what the static ranker would have earned. No I/O.

The static ranker's figure is an off-policy estimate about slot one from the evaluation decisions that fell into the
window; with too few of them it is unknown (None), never guessed.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Any

import numpy as np

from gateway.learning.evaluate import Log, snips

WINDOW_CALLS = 200
KEPT_WINDOWS = 50
WAITING_DECISIONS = 2000
MIN_EFFECTIVE = 5.0


@dataclass(slots=True)
class _Trial:
    first: str
    propensity: float
    is_static: bool
    reward: float = 0.0


class Windows:
    """Counts calls into windows and keeps the newest of them."""

    def __init__(self) -> None:
        self._closed: deque[dict[str, Any]] = deque(maxlen=KEPT_WINDOWS)
        self._trials: OrderedDict[str, _Trial] = OrderedDict()
        self._begin: float | None = None
        self._calls = 0
        self._rewards = 0.0

    def decided(self, decision_id: str, first: str, propensity: float, *, is_static: bool) -> None:
        """Note an evaluation decision: its first tool, the odds of it, and whether the static ranker puts it first,
        too."""
        self._trials[decision_id] = _Trial(first, propensity, is_static)
        if len(self._trials) > WAITING_DECISIONS:
            self._trials.popitem(last=False)

    def called(self, at: float, tool: str, reward: float, decision_id: str | None) -> None:
        """Note one finished call."""
        self._begin = at if self._begin is None else self._begin
        self._calls += 1
        self._rewards += reward
        trial = self._trials.get(decision_id or "")
        if trial is not None and trial.first == tool:
            trial.reward = max(trial.reward, reward)
        if self._calls >= WINDOW_CALLS:
            self._closed.append(self._row(at))
            self._begin, self._calls, self._rewards = None, 0, 0.0
            self._trials.clear()

    def rows(self, now: float) -> list[dict[str, Any]]:
        """Return the windows, oldest first, the open one last; `lo` and `hi` bound `static` with 95 %."""
        return [*self._closed, *([self._row(now)] if self._calls else [])]

    def state(self) -> list[dict[str, Any]]:
        """Return the closed windows."""
        return list(self._closed)

    def restore(self, state: list[dict[str, Any]]) -> None:
        """Take closed windows back."""
        self._closed.extend(row for row in state if isinstance(row, dict))

    def _row(self, until: float) -> dict[str, Any]:
        trials = list(self._trials.values())
        static = lo = hi = None
        if trials:
            log = Log(np.array([t.reward for t in trials]), np.array([t.propensity for t in trials]))
            estimate = snips(log, np.array([float(t.is_static) for t in trials]), "static")
            if estimate.ess >= MIN_EFFECTIVE and math.isfinite(estimate.lo):
                static, lo, hi = estimate.value, estimate.lo, estimate.hi
        reward = self._rewards / self._calls
        return {
            "from": self._begin,
            "to": until,
            "calls": self._calls,
            "reward": reward,
            "static": static,
            "lo": lo,
            "hi": hi,
        }
