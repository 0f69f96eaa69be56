"""`Wire`: one server's own HTTP client: nobody else's requests wait behind this server's. Knows no messages."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Final

import anyio
import httpx

from gateway.errors import SpawnFailed
from gateway.model import ServerName
from gateway.net.bodies import drop
from gateway.net.lasting import lasting_transport
from gateway.supervisor.talking.http.access import Access
from gateway.supervisor.talking.http.faults import Sending, trouble_as_gone

Transport = Callable[[], httpx.AsyncBaseTransport]

CONNECT_S: Final = 10.0
WRITE_S: Final = 30.0

FAREWELL_S: Final = 2.0
"""For messages that are only polite: a cancellation, the end of a session."""

MAX_POLITE: Final = 8
"""Polite messages on their way at once: a server that hangs shall not hold a connection for each call it lost."""


class Wire:
    """Sends requests to one address. `access` may be replaced; requests that began before keep theirs."""

    def __init__(self, server: ServerName, access: Access, transport: Transport | None) -> None:
        """Raises: SpawnFailed when there can be no client for this address."""
        self.access = access
        self._server = server
        self._polite = anyio.CapacityLimiter(MAX_POLITE)
        try:
            self._http = httpx.AsyncClient(
                transport=(transport or lasting_transport)(),
                timeout=httpx.Timeout(None, connect=CONNECT_S, write=WRITE_S),
                follow_redirects=False,
                trust_env=False,
            )
        except (ValueError, UnicodeError) as exc:
            raise SpawnFailed(server, f"{server} cannot be connected to", fix="Correct its address.") from exc

    @contextlib.asynccontextmanager
    async def send(self, method: str, headers: Mapping[str, str], body: bytes = b"") -> AsyncIterator[httpx.Response]:
        """Send one request; its response is closed at the end.

        Raises: NeverSent, ChildGone, SpawnFailed.
        """
        sending = Sending()
        async with (
            trouble_as_gone(self._server, sending),
            self._http.stream(
                method,
                self.access.url,
                content=body,
                headers={**self.access.headers, **headers},
                extensions={"trace": sending},
            ) as response,
        ):
            yield response

    async def tell(self, method: str, headers: Mapping[str, str], body: bytes = b"") -> None:
        """Send what nobody waits for; whether it arrives is the server's loss. Bounded, and not to be cancelled."""
        with anyio.move_on_after(FAREWELL_S, shield=True), contextlib.suppress(httpx.HTTPError, httpx.InvalidURL):
            async with (
                self._polite,
                self._http.stream(
                    method, self.access.url, content=body, headers={**self.access.headers, **headers}
                ) as response,
            ):
                await drop(response)

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()
