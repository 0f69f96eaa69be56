"""Tells the death log how children ended. A listener of facts: never waits, never fails one."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import anyio
import structlog

from gateway.errors import StoreError
from gateway.facts import ChildExited, Fact
from gateway.model import ServerSpec
from gateway.store.deaths import Deaths

WAITING: Final = 1000
"""Deaths that may wait for a store that is away; then the oldest of them are forgotten."""

GATHER_S: Final = 0.5
"""What dies together is written together."""

RETRY_S: Final = 5.0
LAST_S: Final = 5.0  # for the last ones, when the daemon ends
ASKED_FOR: Final = frozenset({"stopped", "idle", "runtime"})

log = structlog.get_logger("deaths")


def is_death(fact: ChildExited) -> bool:
    """Whether a child ended although it was wanted."""
    return fact.was_wanted and fact.cause not in ASKED_FOR


class DeathNotes:
    """Queues what it hears; `run` writes it."""

    def __init__(self, deaths: Deaths, wanted: Callable[[], Awaitable[Sequence[ServerSpec]]]) -> None:
        self._deaths = deaths
        self._wanted = wanted
        self._waiting: deque[ChildExited] = deque(maxlen=WAITING)
        self._more = anyio.Event()
        self._writing = anyio.Lock()
        self._is_failing = False

    def __call__(self, fact: Fact) -> None:
        """Take note of a death; other facts are nothing to it."""
        if isinstance(fact, ChildExited) and is_death(fact):
            self._waiting.append(fact)
            self._more.set()

    async def run(self) -> None:
        """Write what was heard, soon after it was, until cancelled; then write the rest."""
        try:
            while True:
                await self._more.wait()
                await anyio.sleep(RETRY_S if self._is_failing else GATHER_S)
                await self.write()
        finally:
            with anyio.CancelScope(shield=True), anyio.move_on_after(LAST_S):
                await self.write()

    async def write(self) -> None:
        """Write what was heard until now; a store that cannot be written is said once, and tried again."""
        async with self._writing:
            self._more = anyio.Event()
            batch = list(self._waiting)
            if not batch:
                return
            try:
                await self._deaths.add(batch, {spec.name: spec.version for spec in await self._wanted()})
            except StoreError as exc:
                if not self._is_failing:
                    log.warning("deaths_not_noted", reason=exc.message)
                self._is_failing = True
                self._more.set()
                return
            self._is_failing = False
            written = set(map(id, batch))
            kept = [fact for fact in self._waiting if id(fact) not in written]
            self._waiting.clear()
            self._waiting.extend(kept)
