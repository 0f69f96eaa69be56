"""Wait until something about the children holds, looking again at each fact that could have changed it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from gateway.facts import Fact, ServerForgotten, StateChanged, ToolsListed
from gateway.model import ServerName


class Changes:
    """A listener of facts; whoever waits is woken by each change of a child."""

    def __init__(self) -> None:
        self._changed = anyio.Event()
        self.decided: set[ServerName] = set()
        """The servers whose first start has come to an end, well or badly."""

    def __call__(self, fact: Fact) -> None:
        """Wake whoever waits; never waits itself."""
        if isinstance(fact, StateChanged | ToolsListed | ServerForgotten):
            if isinstance(fact, StateChanged) and fact.state in {"ready", "backoff", "failed"}:
                self.decided.add(fact.server)
            self._changed.set()
            self._changed = anyio.Event()

    async def until(self, question: Callable[[], Awaitable[bool]], *, at_least_every_s: float = 1.0) -> None:
        """Return once the question is answered with yes; it is asked again after each change."""
        while True:
            changed = self._changed
            if await question():
                return
            # Not everything that a question looks at is told as a fact (a disk may be full): hence the bound.
            with anyio.move_on_after(at_least_every_s):
                await changed.wait()
