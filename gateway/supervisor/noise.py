"""`NoiseGauge`: whether one life of a child says more nonsense than may be borne. No I/O; `now` is an argument."""

from __future__ import annotations

from collections import deque
from typing import Final

NOISE_WINDOW_S: Final = 60.0
"""A banner, or a stray print with each call, is borne for ever; a flood within a minute is not."""


class NoiseGauge:
    """Counts messages that make no sense within a moving minute. Takes the same small time for each of them."""

    def __init__(self) -> None:
        self._heard: deque[float] = deque()

    def is_too_much(self, now: float, limit: int) -> bool:
        """Count one more and say whether that is more than `limit` within the minute; 0: any number is borne."""
        if limit <= 0:
            self._heard.clear()
            return False
        self._heard.append(now)
        while len(self._heard) > limit + 1 or now - self._heard[0] >= NOISE_WINDOW_S:
            self._heard.popleft()
        return len(self._heard) > limit


def noise_reason(limit: int) -> str:
    """Say why such a server is put aside."""
    return f"put aside: more than {limit} lines within a minute that are no messages"
