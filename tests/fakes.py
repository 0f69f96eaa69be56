"""Stand-ins with behaviour of their own: real classes, no mocks."""

from __future__ import annotations


class FakeClock:
    """A `Clock` turned by hand; `advance` moves both hands, `jump_wall` only the calendar."""

    def __init__(self, now: float = 1000.0, wall: float = 1_800_000_000.0) -> None:
        self._now = now
        self._wall = wall

    def now(self) -> float:
        """Monotonic seconds."""
        return self._now

    def wall(self) -> float:
        """Seconds since the epoch."""
        return self._wall

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds
        self._wall += seconds

    def jump_wall(self, seconds: float) -> None:
        """Let somebody set the calendar."""
        self._wall += seconds
