"""`StartSlots`: how many children may be on their way up at once. Knows nothing of what a start is.

Starting costs processor time, and a dozen servers at once on a small machine make each other miss their deadlines:
hence the slots. But a server that hangs, or that waits for the network, costs none, and it may do so for the whole of
its start deadline: whoever holds a slot longer than `patience_s` lets the next one go. Such late ones stay bounded:
together with the punctual ones never more than `CROWD` times `parallel` children are on their way up, so that also
servers that are all slow because the machine is busy cannot pile up.
"""

from __future__ import annotations

import math
from collections import deque
from types import TracebackType
from typing import Final

import anyio

from gateway.clock import Clock

PATIENCE_S: Final = 5.0
"""A start that burns processor time is mostly done by then; one that is not mostly waits for something."""

CROWD: Final = 6
"""So many times `parallel`: with the default of 4, 20 hanging servers still leave the usual 4 to the good ones."""


class StartSlots:
    """An async context manager for any number of tasks: inside, one slot is held."""

    def __init__(self, parallel: int, clock: Clock, *, patience_s: float = PATIENCE_S) -> None:
        self._parallel = parallel
        self._clock = clock
        self._patience_s = patience_s
        self._since: dict[int, float] = {}  # task -> when it got its slot; the oldest first
        self._queue: deque[anyio.Event] = deque()

    async def __aenter__(self) -> None:
        """Wait for a slot; first come, first served."""
        if self._queue or self._wait_s() > 0:
            await self._queued()
        self._since[anyio.get_current_task().id] = self._clock.now()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back."""
        del self._since[anyio.get_current_task().id]
        self._call_next()

    async def _queued(self) -> None:
        turn = anyio.Event()
        self._queue.append(turn)
        try:
            while self._queue[0] is not turn or (wait_s := self._wait_s()) > 0:
                # Only the first one watches the clock: the others are called when it has gone.
                with anyio.move_on_after(wait_s if self._queue[0] is turn else math.inf):
                    await turn.wait()
                self._queue[self._queue.index(turn)] = turn = anyio.Event()
        finally:
            self._queue.remove(turn)
            self._call_next()

    def _call_next(self) -> None:
        if self._queue:
            self._queue[0].set()

    def _wait_s(self) -> float:
        """How long until the next one may go, as far as the clock alone decides; 0: now."""
        if len(self._since) >= self._parallel * CROWD:
            return math.inf
        late_at = self._clock.now() - self._patience_s
        punctual = [began for began in self._since.values() if began > late_at]
        return 0.0 if len(punctual) < self._parallel else max(punctual[0] - late_at, 0.001)
