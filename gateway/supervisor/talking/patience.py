"""A deadline that progress pushes back, up to a limit."""

from __future__ import annotations

import asyncio

import anyio


class Patience:
    """How long one request may still take. Enter `scope`; call `extend` at each sign of progress."""

    def __init__(self, timeout_s: float, limit_s: float | None = None) -> None:
        # The loop's own clock, not anyio's function: `extend` is called from reader callbacks, outside any task.
        self._loop = asyncio.get_running_loop()
        self._timeout_s = timeout_s
        self._started = self._loop.time()
        self._end = self._started + max(timeout_s, limit_s or 0.0)
        self.scope = anyio.CancelScope(deadline=self._started + timeout_s)

    @property
    def allowed_s(self) -> float:
        """How long it may take, as it stands: what was asked for, or more after progress, up to the limit."""
        return round(self.scope.deadline - self._started, 2)

    @property
    def waited_s(self) -> float:
        """Seconds since the beginning."""
        return self._loop.time() - self._started

    def extend(self) -> None:
        """Start the deadline anew, within the limit."""
        later = min(self._loop.time() + self._timeout_s, self._end)
        if later > self.scope.deadline and not self.scope.cancel_called:
            self.scope.deadline = later
