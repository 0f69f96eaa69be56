"""`Window`: what the latest calls of one child say of it: how many failed, how long they took. No I/O, no clock.

The latest are those of the last minute, at most a hundred. How long calls *usually* take is remembered apart, per
server and for longer: calls count for that only once they left the window, so that a bad minute is compared with the
time before it and not with itself. `now` is an argument.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

WINDOW_S: Final = 60.0
WINDOW_CALLS: Final = 100
MIN_CALLS: Final = 5
BAD_SHARE: Final = 0.5
SLOW_MIN_CALLS: Final = 10
SLOW_FACTOR: Final = 10.0
SLOW_S: Final = 1.0
"""Ten times its usual is still fine where its usual is a few milliseconds: below a second nobody waits."""

USUAL_MIN_CALLS: Final = 20
USUAL_MAX_CALLS: Final = 2000
"""Where the memory of the usual reaches this, it is halved: a server may change for good."""

_STEPS_PER_DOUBLING: Final = 4
_SHORTEST_S: Final = 0.0005
_BUCKETS: Final = 96  # up to about 8,000 s


class Usual:
    """A histogram of durations in steps of 19 %, with a memory that fades."""

    def __init__(self) -> None:
        self._counts = [0] * _BUCKETS
        self.total = 0

    def add(self, seconds: float) -> None:
        """Count one."""
        step = int(math.log2(max(seconds, _SHORTEST_S) / _SHORTEST_S) * _STEPS_PER_DOUBLING)
        self._counts[min(step, _BUCKETS - 1)] += 1
        self.total += 1
        if self.total >= USUAL_MAX_CALLS:
            self._counts = [count // 2 for count in self._counts]
            self.total = sum(self._counts)

    def median_s(self) -> float | None:
        """The usual duration, or None before enough is known."""
        if self.total < USUAL_MIN_CALLS:
            return None
        passed = 0
        for step, count in enumerate(self._counts):
            passed += count
            if passed * 2 >= self.total:
                return float(_SHORTEST_S * 2 ** ((step + 0.5) / _STEPS_PER_DOUBLING))
        raise AssertionError  # the counts add up to their total


@dataclass(frozen=True, slots=True)
class Figures:
    """The window in numbers; durations are those of the answered calls, None without any."""

    n: int
    errors: int
    p50_s: float | None
    p95_s: float | None


class Window:
    """The latest calls of one child."""

    def __init__(self) -> None:
        self._calls: deque[tuple[float, float, bool]] = deque()
        self._errors = 0
        self._usual = Usual()

    def record(self, now: float, took_s: float, *, failed: bool) -> None:
        """Count a call that just ended. `failed`: it got no answer; a tool's own error is an answer."""
        self._calls.append((now, took_s, failed))
        if failed:
            self._errors += 1
        self._expire(now)

    def clear(self) -> None:
        """Another process serves now; what is usual for the server stays known."""
        while self._calls:
            self._forget()

    def figures(self, now: float) -> Figures:
        """Return the numbers of now."""
        self._expire(now)
        took = sorted(took_s for _, took_s, failed in self._calls if not failed)
        p95 = took[math.ceil(0.95 * len(took)) - 1] if took else None
        return Figures(len(self._calls), self._errors, median(took) if took else None, p95)

    def problem(self, now: float) -> str:
        """Say in words why the server is degraded by its latest calls; empty when it is not."""
        figures = self.figures(now)
        if figures.n >= MIN_CALLS and figures.errors >= BAD_SHARE * figures.n:
            return f"{figures.errors} of its last {figures.n} calls failed"
        usual_s = self._usual.median_s()
        answered = figures.n - figures.errors
        if figures.p95_s is None or usual_s is None or answered < SLOW_MIN_CALLS:
            return ""
        if figures.p95_s > SLOW_S and figures.p95_s > SLOW_FACTOR * usual_s:
            return f"slow: one call in twenty takes {figures.p95_s:.1f} s, usually it is {usual_s:.2g} s"
        return ""

    def row(self, now: float) -> dict[str, Any]:
        """Return the numbers for the status."""
        figures = self.figures(now)
        return {
            "n": figures.n,
            "errors": figures.errors,
            "p50_s": None if figures.p50_s is None else round(figures.p50_s, 4),
            "p95_s": None if figures.p95_s is None else round(figures.p95_s, 4),
            "window_s": WINDOW_S,
        }

    def _expire(self, now: float) -> None:
        calls = self._calls
        while calls and (len(calls) > WINDOW_CALLS or now - calls[0][0] > WINDOW_S):
            self._forget()

    def _forget(self) -> None:
        _, took_s, failed = self._calls.popleft()
        self._errors -= failed
        if not failed:
            self._usual.add(took_s)
