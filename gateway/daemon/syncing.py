"""Keeps the copy of the official registry fresh, gently: some minutes after the start, then hourly, never all at once.

The registry asks to be read no more than hourly. Every wait is spread, so that many gateways do not come together, and
a daemon that is restarted often does not ask more often: what counts is when the last copy was complete.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import structlog

from gateway.daemon.survival import survived
from gateway.errors import GatewayError, RegistryUnavailable
from gateway.verbs.parts import Parts

FIRST_S = 180.0  # after the start: servers come up first
RETRY_S = 300.0  # after a failure; doubled with each further one, up to the usual wait
OFF_S = 600.0  # how soon a changed configuration is noticed
SPREAD = 0.1  # up to this part of a wait is added


class Syncing:
    """The task behind `[registry] sync`."""

    def __init__(
        self, parts: Parts, rng: random.Random, *, sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    ) -> None:
        self._parts = parts
        self._rng = rng
        self._sleep = sleep
        self._failures = 0
        self._log = structlog.get_logger("discovery")

    async def run(self) -> None:
        """Copy for as long as the daemon lives."""
        await self._sleep(self._spread(FIRST_S))
        while True:
            wait_s = RETRY_S
            with survived("registry_sync_broke"):
                wait_s = await self.round()
            await self._sleep(self._spread(wait_s))

    async def round(self) -> float:
        """Copy if it is switched on and due; return the seconds until there is something to do again."""
        section, sync = self._parts.config().registry, self._parts.sync
        if sync is None or not section.sync:
            return OFF_S
        try:
            due_s = await self._due_s(section.sync_every_s)
            if due_s > 0:
                return due_s
            await sync.run(_nobody)
        except GatewayError as exc:
            return self._failed(exc, section.sync_every_s)
        self._failures = 0
        return section.sync_every_s

    async def _due_s(self, every_s: float) -> float:
        last = await self._parts.sync.last_complete() if self._parts.sync is not None else None
        left_s = last + every_s - self._parts.clock.wall() if last is not None else 0.0
        return left_s if 0 < left_s <= every_s else 0.0  # a calendar that was set back makes nobody wait

    def _failed(self, exc: GatewayError, every_s: float) -> float:
        wait_s = min(RETRY_S * 2.0 ** min(self._failures, 8), max(every_s, RETRY_S))
        if isinstance(exc, RegistryUnavailable) and exc.retry_after_s is not None:
            wait_s = max(wait_s, exc.retry_after_s)
        self._failures += 1
        self._log.warning("registry_sync_failed", reason=exc.message, again_in_s=round(wait_s))
        return wait_s

    def _spread(self, seconds: float) -> float:
        return seconds * (1 + SPREAD * self._rng.random())


def _nobody(_: dict[str, Any]) -> None:
    """Nobody watches; the outcome is logged."""
