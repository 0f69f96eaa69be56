"""Writes into the store which policy version serves since when, with the numbers of its training."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import anyio
import structlog

from gateway.clock import Clock
from gateway.errors import StoreError
from gateway.store.policies import SERVING, Policies


class VersionLog:
    """Hears of adopted snapshots without waiting; its task writes them down."""

    def __init__(self, policies: Policies, clock: Clock) -> None:
        self._policies = policies
        self._clock = clock
        # One entry a training session, minutes apart: the queue needs no bound of its own.
        self._waiting: deque[tuple[str, float, Mapping[str, Any]]] = deque()
        self._arrived = anyio.Event()
        self._log = structlog.get_logger("learning")

    def __call__(self, adopted: Mapping[str, Any]) -> None:
        """Take note of an adopted snapshot: {"version", "metrics", …}."""
        self._waiting.append((str(adopted["version"]), self._clock.wall(), adopted.get("metrics") or {}))
        self._arrived.set()

    async def run(self) -> None:
        """Write down what was heard, until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived = anyio.Event()
            while self._waiting:
                version, at, metrics = self._waiting.popleft()
                try:
                    await self._policies.put(version, at, SERVING, metrics)
                except StoreError as exc:  # the snapshot serves all the same
                    self._log.warning("policy_version_not_kept", version=version, reason=exc.message, fix=exc.fix)
