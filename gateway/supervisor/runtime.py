"""`Runtime`: lets one life last no longer than RuntimeMaxSec, without losing a call: first drain, then end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import anyio
from anyio.abc import TaskGroup


class Calls(Protocol):
    """The calls of one child, as far as a drain needs them."""

    def hold(self) -> None:
        """Send it no call from now on: who comes waits for the next life."""
        ...

    async def rest(self) -> None:
        """Wait until no call is open."""
        ...


class Runtime:
    """The last appointment of a life. `on_over`: no new calls from here on; `on_drained`: it can be ended now."""

    def __init__(self, calls: Calls, *, on_over: Callable[[], None], on_drained: Callable[[], None]) -> None:
        self._calls, self._on_over, self._on_drained = calls, on_over, on_drained
        self._scope = anyio.CancelScope()
        self.is_over = False

    def limit(self, tasks: TaskGroup, left_s: float | None, drain_s: float) -> None:
        """Let it last this much longer (None: for ever), and then at most `drain_s` for the calls that are open."""
        self.cancel()
        if left_s is not None:
            self._scope = anyio.CancelScope()
            tasks.start_soon(self._pass, max(0.0, left_s), drain_s, self._scope)

    def cancel(self) -> None:
        """This life ends, or has ended, otherwise."""
        self._scope.cancel()
        self.is_over = False

    async def _pass(self, left_s: float, drain_s: float, scope: anyio.CancelScope) -> None:
        with scope:
            await anyio.sleep(left_s)
            if scope.cancel_called:  # in the very moment when it was due
                return
            self.is_over = True
            self._calls.hold()
            self._on_over()
            with anyio.move_on_after(drain_s):
                await self._calls.rest()
            if not scope.cancel_called:
                self._on_drained()
