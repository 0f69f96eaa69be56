"""How useful and how much used each tool was, apart from any query: what orders a list when nobody said what for. No
I/O.

Counts fade with use, so that last month's favourite can be overtaken. A judge's weight is capped per call, and one
judge's say about one tool shrinks with each repetition: nobody can flood.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from gateway.learning.lexical import Floats

FADE = 0.98
"""Each success (or judgement) takes this share of the older ones away: an effective memory of 50."""

PRIOR_WEIGHT = 10.0
POPULARITY = 0.05
"""Log-score of one unit of log(1 + successes): enough to order tools that work equally well, never enough to hide a
failing one."""

MAX_WEIGHT = 3.0


class Standing:
    """Usefulness and popularity per tool id."""

    def __init__(self) -> None:
        self._tools: dict[str, list[float]] = {}  # successes, sum of weights, sum of weight * value
        self._says: dict[tuple[str, str], int] = {}

    def succeeded(self, tool: str) -> None:
        """Count one call that ran."""
        row = self._tools.setdefault(tool, [0.0, 0.0, 0.0])
        row[0] = row[0] * FADE + 1.0

    def judged(self, tool: str, value: float, weight: float, judge: str) -> None:
        """Count one judgement (0..1) of a tool."""
        says = self._says[tool, judge] = self._says.get((tool, judge), 0) + 1
        counted = min(max(weight, 0.0), MAX_WEIGHT) / math.sqrt(says)
        row = self._tools.setdefault(tool, [0.0, 0.0, 0.0])
        row[1] = row[1] * FADE + counted
        row[2] = row[2] * FADE + counted * min(max(value, 0.0), 1.0)

    def usefulness(self, tools: Iterable[str]) -> Floats:
        """Return log usefulness per tool: 0 for a tool nobody complained about."""
        rows = [self._tools.get(tool) for tool in tools]
        return np.array([0.0 if r is None else math.log((PRIOR_WEIGHT + r[2]) / (PRIOR_WEIGHT + r[1])) for r in rows])

    def popularity(self, tools: Iterable[str]) -> Floats:
        """Return a small log-score per tool for having been used with success."""
        rows = [self._tools.get(tool) for tool in tools]
        return np.array([0.0 if r is None else POPULARITY * math.log1p(r[0]) for r in rows])

    def state(self) -> dict[str, list[float]]:
        """Return the counts as plain numbers."""
        return {tool: list(row) for tool, row in self._tools.items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` returned. Raises: ValueError for anything else; then nothing was changed."""
        rows = {str(tool): [float(v) for v in values] for tool, values in state.items()}
        if any(len(row) != 3 or not all(math.isfinite(v) and v >= 0 for v in row) for row in rows.values()):
            raise ValueError("standing counts are malformed")
        self._tools = rows
