"""Never more requests than agreed: a bucket for the moment (aiolimiter), a window for the sum of ten seconds.

A bucket that lets `burst` through at once and refills at `rate` lets `burst + rate * 10` through in the first ten
seconds. The window bounds that sum at a tenth above the rate, wherever the ten seconds are laid.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

from aiolimiter import AsyncLimiter

from gateway.clock import Clock
from gateway.discovery.asking.retrying import bucket

WINDOW_S = 10.25  # ten seconds, and room for what the network does to the distances between requests
_ABOVE_RATE = 1.1


class Window:
    """At most `most` turns within any `length_s` seconds. Turns are given in the order in which they are asked for."""

    def __init__(self, most: int, length_s: float = WINDOW_S) -> None:
        self._length_s = length_s
        self._turns: deque[float] = deque(maxlen=most)

    def reserve(self, now: float) -> float:
        """Take the next turn and return the seconds until it comes."""
        turns = self._turns
        earliest = turns[0] + self._length_s if len(turns) == turns.maxlen else now
        turn = max(now, earliest, turns[-1] if turns else now)
        turns.append(turn)
        return turn - now


def window_of(rate: str, burst: int) -> Window:
    """The window for "5/s": 55 requests; never fewer than the burst, which the operator allowed.

    Raises: ValueError for what is no rate.
    """
    capacity, refill_s = bucket(rate, burst)
    return Window(max(int(capacity), int(capacity / refill_s * 10 * _ABOVE_RATE)))


class Pace:
    """Gives each request its turn."""

    def __init__(self, rate: str, burst: int, clock: Clock, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._bucket = AsyncLimiter(*bucket(rate, burst))
        self._window = window_of(rate, burst)
        self._clock = clock
        self._sleep = sleep

    async def turn(self) -> None:
        """Wait until a request may be sent."""
        await self._bucket.acquire()
        if (wait_s := self._window.reserve(self._clock.now())) > 0:
            await self._sleep(wait_s)
