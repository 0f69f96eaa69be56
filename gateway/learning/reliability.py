"""Does a tool run? Beta counts per tool that follow changes fast and tell good from very good slowly. No I/O, no clock.

Two memories per tool, both starting from the prior: the fast one forgets 1 - `decay` per call and notices a break,
the slow one forgets five times less and separates 95 % from 75 %. The slow mean is the answer; when the fast one is
far off it, the tool has changed and the slow memory starts again from the fast one. `breaker_errors` errors in a row
set both to a bad estimate at once. Without calls every estimate drifts back to the prior with a half-life that
doubles at each trip, so a broken tool comes back by itself, ever more slowly. `now` is in the caller's unit
(observations in `Selector`, seconds in the daemon).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateway.learning.lexical import Floats

_FAST_A, _FAST_B, _SLOW_A, _SLOW_B, _STREAK, _TRIPS, _N, _LAST = range(8)
_COLUMNS = 8
TRIPPED_A, TRIPPED_B = 0.6, 4.0
CHANGED = 0.35
"""Distance of the fast from the slow mean that is taken for a change of the tool, not for chance."""
MAX_DOUBLINGS = 6
PARDON = 0.25
"""Each success takes this much of a trip back: one lucky call of a broken tool does not clear its record."""


@dataclass(frozen=True, slots=True)
class ReliabilityRules:
    """The numbers of the memory; `half_life` in the unit of `now`."""

    prior_a: float = 9.0
    prior_b: float = 1.0
    decay: float = 0.9
    breaker_errors: int = 3
    half_life: float = 4000.0


class Reliability:
    """Counts of every tool ever seen, by id."""

    def __init__(self, rules: ReliabilityRules) -> None:
        self.rules = rules
        self._row: dict[str, int] = {}
        self._table: Floats = np.zeros((64, _COLUMNS))

    def observe(self, tool: str, *, ran: bool, now: float) -> None:
        """Count one call: it ran (usefully or not), or it failed to run."""
        row, rules = self._relaxed(self._row_of(tool), now), self.rules
        hit = np.array([ran, not ran], np.float64)
        row[:2] = row[:2] * rules.decay + hit
        row[2:4] = row[2:4] * (1.0 - (1.0 - rules.decay) / 5.0) + hit
        row[_STREAK] = 0.0 if ran else row[_STREAK] + 1.0
        row[_N] += 1.0
        row[_LAST] = now
        if abs(_mean(row[:2]) - _mean(row[2:4])) > CHANGED:
            row[2:4] = row[:2]
        if rules.breaker_errors and row[_STREAK] == rules.breaker_errors:
            row[:4] = (TRIPPED_A, TRIPPED_B, TRIPPED_A, TRIPPED_B)
            row[_TRIPS] += 1.0
        elif ran:
            row[_TRIPS] = max(0.0, row[_TRIPS] - PARDON)
        self._table[self._row[tool]] = row

    def means(self, tools: Iterable[str], now: float) -> Floats:
        """Return the estimated probability, per tool, that its next call runs."""
        return self.means_at(self.rows(tools), now)

    def rows(self, tools: Iterable[str]) -> NDArray[np.int64]:
        """Return row numbers for `means_at`, -1 for tools never called; valid until a new tool is observed."""
        return np.array([self._row.get(tool, -1) for tool in tools], np.int64)

    def means_at(self, rows: NDArray[np.int64], now: float) -> Floats:
        """Like `means`, for row numbers."""
        prior = self.rules.prior_a / (self.rules.prior_a + self.rules.prior_b)
        table = self._table[np.maximum(rows, 0)]
        keep = self._keep(table[:, _LAST], table[:, _TRIPS], now)
        a = self.rules.prior_a + (table[:, _SLOW_A] - self.rules.prior_a) * keep
        b = self.rules.prior_b + (table[:, _SLOW_B] - self.rules.prior_b) * keep
        means: Floats = np.where(rows >= 0, a / np.maximum(a + b, 1e-12), prior)
        return means

    def calls(self, tool: str) -> int:
        """Return how many calls were counted."""
        row = self._row.get(tool)
        return 0 if row is None else int(self._table[row, _N])

    def latest(self) -> float:
        """Return the `now` of the newest observation, 0 before any."""
        return float(self._table[: len(self._row), _LAST].max(initial=0.0))

    def tripped(self) -> list[str]:
        """Return the tools whose last calls all failed, as many as the breaker asks for or more."""
        limit = self.rules.breaker_errors
        return [tool for tool, row in self._row.items() if limit and self._table[row, _STREAK] >= limit]

    def state(self) -> dict[str, list[float]]:
        """Return all counts as plain numbers; `restore` takes them back exactly."""
        return {tool: self._table[row].tolist() for tool, row in self._row.items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` returned. Raises: ValueError for anything else; then nothing was changed."""
        rows = {str(tool): np.array(values, np.float64) for tool, values in state.items()}
        if any(row.shape != (_COLUMNS,) or not np.isfinite(row).all() or (row[:4] < 0).any() for row in rows.values()):
            raise ValueError("reliability counts are malformed")
        self._row = {}
        for tool, values in rows.items():
            self._row_of(tool)
            self._table[self._row[tool]] = values

    def _row_of(self, tool: str) -> Floats:
        if tool not in self._row:
            number = len(self._row)
            if number == len(self._table):
                self._table = np.vstack([self._table, np.zeros_like(self._table)])
            a, b = self.rules.prior_a, self.rules.prior_b
            self._table[number] = (a, b, a, b, 0.0, 0.0, 0.0, 0.0)
            self._row[tool] = number
        found: Floats = self._table[self._row[tool]].copy()
        return found

    def _relaxed(self, row: Floats, now: float) -> Floats:
        if row[_N]:
            keep = float(self._keep(row[_LAST], row[_TRIPS], now))
            prior = np.array([self.rules.prior_a, self.rules.prior_b] * 2)
            row[:4] = prior + (row[:4] - prior) * keep
        return row

    def _keep(self, last: Floats, trips: Floats, now: float) -> Floats:
        """The share of the evidence that time has left; a clock set back takes nothing away."""
        doublings = np.minimum(np.maximum(trips - 1.0, 0.0), MAX_DOUBLINGS)
        half_lives = np.maximum(now - last, 0.0) / (self.rules.half_life * np.exp2(doublings))
        kept: Floats = np.exp2(-half_lives)
        return kept


def _mean(pair: Floats) -> float:
    return float(pair[0] / (pair[0] + pair[1]))
