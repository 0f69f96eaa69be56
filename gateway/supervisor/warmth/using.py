"""`UsedUpstream`: an upstream whose calls are noted as use of its child."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gateway.clock import Clock
from gateway.model import ServerName
from gateway.supervisor.calls.calling import ReadyUpstream
from gateway.supervisor.ports import OnNotify
from gateway.supervisor.warmth.naps import Nap


@contextmanager
def in_use(nap: Nap, clock: Clock) -> Iterator[None]:
    """Inside, the child is used."""
    nap.users += 1
    try:
        yield
    finally:
        nap.users -= 1
        nap.last = clock.now()


class UsedUpstream:
    """Satisfies `gateway.endpoint.ports.Upstream`."""

    def __init__(self, upstream: ReadyUpstream, nap: Nap, clock: Clock) -> None:
        self._upstream = upstream
        self._nap = nap
        self._clock = clock

    @property
    def server(self) -> ServerName:
        """Whose child this is."""
        return self._upstream.server

    async def request(
        self, method: str, params: bytes, *, timeout_s: float | None = None, on_notify: OnNotify | None = None
    ) -> bytes:
        """Send one request and return the raw JSON of its result.

        Raises: as `ReadyUpstream.request`.
        """
        with in_use(self._nap, self._clock):
            return await self._upstream.request(method, params, timeout_s=timeout_s, on_notify=on_notify)
