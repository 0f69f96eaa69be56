"""`Timer`: one appointment at most. Timers of one child run in that child's task group and end with it."""

from __future__ import annotations

from collections.abc import Callable

import anyio
from anyio.abc import TaskGroup

from gateway.clock import Clock


class Timer:
    """Calls something after a while, unless it is cancelled or set anew before."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._scope = anyio.CancelScope()
        self._due: float | None = None

    @property
    def left_s(self) -> float | None:
        """Seconds until the appointment; None: there is none."""
        return None if self._due is None else max(0.0, self._due - self._clock.now())

    def set(self, tasks: TaskGroup, delay_s: float, then: Callable[[], None]) -> None:
        """Call `then` after this delay, and not what was to be called before."""
        self.cancel()
        self._scope = anyio.CancelScope()
        self._due = self._clock.now() + delay_s
        tasks.start_soon(self._wait, delay_s, then, self._scope)

    def cancel(self) -> None:
        """Call nothing."""
        self._due = None
        self._scope.cancel()

    async def _wait(self, delay_s: float, then: Callable[[], None], scope: anyio.CancelScope) -> None:
        with scope:
            await anyio.sleep(delay_s)
            if not scope.cancel_called:  # cancelled in the very moment when it was due
                self._due = None
                then()
