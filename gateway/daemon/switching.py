"""Lets a new release take over from the one that serves, and watches it: one that ends at once shall not be what is
left."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, Protocol

import anyio

from gateway.daemon.changes import Changes
from gateway.errors import ChildError
from gateway.model import ServerName, ServerSpec
from gateway.supervisor.supervisor import Supervisor
from gateway.verbs.parts import Parts, Switch

WELL = frozenset({"ready", "stopped", "stopping"})  # stopped: by a person, or the gateway ends
READY_MARGIN_S = 5.0  # longer than a child's own start deadline, so that its reason is told rather than ours


class Switcher:
    """Replaces servers side by side; who is just being switched follows nothing else meanwhile."""

    def __init__(
        self, supervisor: Supervisor, changes: Changes, parts: Parts, reconcile: Callable[[], Awaitable[None]]
    ) -> None:
        self._supervisor = supervisor
        self._changes = changes
        self._parts = parts
        self._reconcile = reconcile
        self._names: set[ServerName] = set()

    def but_switched(self, specs: Iterable[ServerSpec]) -> list[ServerSpec]:
        """The wanted specs; in place of those that are being switched, the specs that still run."""
        running = self._supervisor.specs
        return [running.get(spec.name, spec) if spec.name in self._names else spec for spec in specs]

    @asynccontextmanager
    async def switching(self, server: ServerName) -> AsyncIterator[Switch]:
        """Fits `Parts.switching`."""
        self._names.add(server)
        try:
            yield lambda: self._switch(server)
        finally:
            self._names.discard(server)
            with anyio.CancelScope(shield=True):  # what runs follows what counts, however this ended
                await self._reconcile()

    async def _switch(self, server: ServerName) -> str:
        """Start what is wanted now beside what runs, let it take over, and watch it; "" or what went wrong."""
        spec = next((spec for spec in await self._parts.wanted() if spec.name == server), None)
        if spec is None:
            return ""
        config = self._parts.config()
        ready_s = spec.health.start_timeout_sec + READY_MARGIN_S
        try:
            await self._supervisor.hand_over(spec, ready_s=ready_s, drain_s=config.gateway.drain_s)
        except ChildError as exc:
            return exc.message
        return await watch(self._supervisor, self._changes, server, config.install.watch_s)


class Rows(Protocol):
    """Tells how the servers are."""

    def status(self) -> list[dict[str, Any]]:
        """One row per server."""
        ...


async def watch(supervisor: Rows, changes: Changes, server: ServerName, watch_s: float) -> str:
    """Look at a server for `watch_s`; returns "" or what happened to it.

    The first trouble decides: also one after which it would be started again.
    """
    trouble: list[str] = []

    async def is_in_trouble() -> bool:
        row = next((row for row in supervisor.status() if row["name"] == server), None)
        if row is None or (row["state"] in WELL and row["health"] != "unhealthy"):
            return False
        trouble.append(f"it was ready, then {row['state']}: {row['reason'] or 'no reason known'}")
        return True

    with anyio.move_on_after(watch_s):
        await changes.until(is_in_trouble)
    return trouble[0] if trouble else ""
