"""`Courier`: takes along what is only polite to say, so that nobody waits for a server that does not listen."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final

import anyio

MAX_LETTERS: Final = 64
"""Letters that wait; beyond that the oldest is thrown away: whoever gets none of them gets none of the next either."""

Letter = Callable[[], Coroutine[Any, Any, None]]
"""Sends one message; bounded, and fails silently."""


class Courier:
    """Letters are handed over at any time, and leave while `run` runs."""

    def __init__(self) -> None:
        self._letters: deque[Letter] = deque(maxlen=MAX_LETTERS)
        self._more = anyio.Event()

    def take(self, letter: Letter) -> None:
        """Send this, soon."""
        self._letters.append(letter)
        self._more.set()

    async def run(self) -> None:
        """Send until cancelled."""
        async with anyio.create_task_group() as tasks:
            while True:
                while self._letters:
                    tasks.start_soon(self._letters.popleft())
                self._more = anyio.Event()
                await self._more.wait()
