"""`ReadyUpstream`: what the endpoint holds of a ready child; counts what is in flight."""

from __future__ import annotations

import anyio

from gateway.errors import ServerBusy
from gateway.model import CallPolicy, ServerName
from gateway.supervisor.ports import Connection, OnNotify


class InFlight:
    """How many calls one child has open."""

    def __init__(self) -> None:
        self._count = 0
        self._none = anyio.Event()
        self._none.set()

    @property
    def count(self) -> int:
        """Calls without an answer so far."""
        return self._count

    def begin(self) -> None:
        """One more."""
        if self._count == 0:
            self._none = anyio.Event()
        self._count += 1

    def end(self) -> None:
        """One less."""
        self._count -= 1
        if self._count == 0:
            self._none.set()

    async def none(self) -> None:
        """Wait until nothing is open."""
        await self._none.wait()


class ReadyUpstream:
    """Satisfies `gateway.endpoint.ports.Upstream`: one connection between its handshake and its end."""

    def __init__(self, server: ServerName, connection: Connection, policy: CallPolicy, in_flight: InFlight) -> None:
        self._server = server
        self._connection = connection
        self._policy = policy
        self._in_flight = in_flight

    @property
    def server(self) -> ServerName:
        """Whose child this is."""
        return self._server

    async def request(
        self, method: str, params: bytes, *, timeout_s: float | None = None, on_notify: OnNotify | None = None
    ) -> bytes:
        """Send one request and return the raw JSON of its result; cancelling the waiting task tells the child.

        Progress of the call pushes its deadline back, up to the server's `max_timeout_sec`.

        Raises: ChildGone, CallTimeout, ServerBusy, RpcError, AnswerTooLarge, RemoteProtocolError.
        """
        policy = self._policy
        if self._in_flight.count >= policy.max_in_flight:
            raise ServerBusy(self._server, policy.max_in_flight)
        limit_s = policy.max_timeout_sec
        self._in_flight.begin()
        try:
            return await self._connection.ask(
                method,
                params,
                timeout_s=min(policy.timeout_sec if timeout_s is None else timeout_s, limit_s),
                limit_s=limit_s,
                on_notify=on_notify,
            )
        finally:
            self._in_flight.end()
