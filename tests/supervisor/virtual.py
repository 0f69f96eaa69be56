"""An asyncio loop whose clock jumps to the next appointment instead of waiting: minutes of back-off cost nothing.

Only for code without real I/O: a loop that nothing is left to wake for good would hang, and says so instead.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

T = TypeVar("T")


class _NoWaiting(selectors.BaseSelector):
    """A selector that never waits: it hands the time it was to wait for over to the loop."""

    def __init__(self, inner: selectors.BaseSelector, passed: Callable[[float], None]) -> None:
        self._inner, self._passed = inner, passed

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._inner.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.modify(fileobj, events, data)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._inner.select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("nothing will ever happen again in this loop")
            self._passed(timeout)
        return ready

    def get_map(self) -> Any:
        return self._inner.get_map()

    def close(self) -> None:
        self._inner.close()


class VirtualLoop(asyncio.SelectorEventLoop):
    """`time()` is a number that grows by what would have been waited for."""

    def __init__(self) -> None:
        self._virtual_now = 1000.0
        super().__init__(_NoWaiting(selectors.DefaultSelector(), self._let_pass))

    def time(self) -> float:
        """Virtual seconds."""
        return self._virtual_now

    def _let_pass(self, seconds: float) -> None:
        # A hair more than asked for: a timer must be due when the loop looks at it next.
        self._virtual_now += max(0.0, seconds) + 1e-9


class LoopClock:
    """A `Clock` that shows the loop's own time, so that timers and histories agree."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def now(self) -> float:
        """Virtual seconds."""
        return self._loop.time()

    def wall(self) -> float:
        """Virtual seconds since the epoch."""
        return 1_800_000_000.0 + self._loop.time()


def run_virtually(play: Callable[[LoopClock], Awaitable[T]]) -> T:
    """Run one coroutine function in a virtual loop of its own."""

    async def whole() -> T:
        return await play(LoopClock(asyncio.get_running_loop()))

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(whole())
