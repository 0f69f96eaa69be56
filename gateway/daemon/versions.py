"""Writes into the store which policy version serves since when, with the numbers of its training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import anyio

from gateway.clock import Clock
from gateway.store.policies import SERVING, Policies


class VersionLog:
    """Hears of adopted snapshots without waiting; its task writes them down."""

    def __init__(self, policies: Policies, clock: Clock) -> None:
        self._policies = policies
        self._clock = clock
        # One entry a training session, minutes apart: the queue needs no bound of its own.
        self._send, self._receive = anyio.create_memory_object_stream[tuple[str, float, Mapping[str, Any]]](math.inf)

    def __call__(self, adopted: Mapping[str, Any]) -> None:
        """Take note of an adopted snapshot: {"version", "metrics", …}."""
        self._send.send_nowait((str(adopted["version"]), self._clock.wall(), adopted.get("metrics") or {}))

    async def run(self) -> None:
        """Write down what was heard, until cancelled."""
        with self._send, self._receive:
            async for version, at, metrics in self._receive:
                await self._policies.put(version, at, SERVING, metrics)
