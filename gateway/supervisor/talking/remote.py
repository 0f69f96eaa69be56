"""`RemoteConnection`: a server somewhere else, spoken to over Streamable HTTP with raw payloads.

An own small client on httpx: the SDK's cannot re-initialise after a 404, and types what it relays.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote

import anyio
import httpx
import msgspec

from gateway.errors import CallTimeout, ChildGone, HandshakeFailed, RpcError, SpawnFailed
from gateway.model import RemoteLaunch, ServerName
from gateway.net.bodies import drop, plain_pieces
from gateway.protocol import codes, envelope, meta
from gateway.protocol.handshake import Agreed, Era, Handshake
from gateway.protocol.sse import SseReader
from gateway.supervisor.ports import Gone, OnNotify, OnTold
from gateway.supervisor.processes.environment import MissingSecretError, fill
from gateway.supervisor.talking.exchange import (
    CONNECT_S,
    WRITE_S,
    Exchange,
    HttpRefused,
    PersonNeeded,
    SessionLost,
    trouble_as_gone,
)
from gateway.supervisor.talking.http_headers import SESSION, request_headers
from gateway.supervisor.talking.outcomes import LISTEN_PARAMS, answer_to
from gateway.supervisor.talking.patience import Patience
from gateway.supervisor.talking.shaking import PROBE_TIMEOUT_S, client_info, shake_hands

FAREWELL_S: Final = 2.0
"""For messages that are only polite: a cancellation, the end of a session."""

RELISTEN_MIN_S: Final = 1.0
RELISTEN_MAX_S: Final = 60.0
"""A server that keeps closing its notice stream is asked ever more rarely."""

Transport = Callable[[], httpx.AsyncBaseTransport]


class RemoteConnection:
    """Satisfies `ports.Connection` for a server reached by URL."""

    def __init__(
        self,
        server: ServerName,
        launch: RemoteLaunch,
        secrets: Mapping[str, str],
        *,
        version: str,
        on_told: OnTold,
        transport: Transport | None,
        start_timeout_s: float,
        probe: bool = True,
        probe_timeout_s: float = PROBE_TIMEOUT_S,
        on_trouble: Callable[[], None] = lambda: None,
    ) -> None:
        self._server = server
        self._launch = launch
        self._secrets = secrets
        self._client_info = client_info(version)
        self._on_told = on_told
        self._transport = transport
        self._start_timeout_s = start_timeout_s
        self._probe = probe
        self._probe_timeout_s = probe_timeout_s
        self._on_trouble = on_trouble
        self._http: httpx.AsyncClient | None = None
        self._url = ""
        self._agreed: Agreed | None = None
        self._session = ""
        self._reopening = anyio.Lock()
        self._next_id = 1
        self._open: set[Patience] = set()
        self._closed = ""
        self.gone = anyio.Event()
        self.noise = 0
        self.heard = 0

    @property
    def pid(self) -> int | None:
        """Remote: no process of ours."""
        return None

    async def open(self) -> Agreed:
        """Connect and shake hands. Raises: SpawnFailed, HandshakeFailed, ChildGone."""
        try:
            # In a URL a secret is a value of the query or a piece of the path: it must not end either.
            quoted = {key: quote(value, safe="") for key, value in self._secrets.items()}
            filled = {
                **fill({"url": self._launch.url}, quoted),
                **fill(_prefixed(self._launch.headers), self._secrets),
            }
        except MissingSecretError as exc:
            raise SpawnFailed(
                self._server,
                f"{self._server} cannot connect: {exc.message}",
                fix=f"mcp-gateway secret set {self._server} {exc.key}",
            ) from exc
        self._url = filled.pop("url")
        headers = {name.removeprefix("header:"): value for name, value in filled.items()}
        try:
            self._http = httpx.AsyncClient(
                transport=self._transport() if self._transport is not None else None,
                headers=headers,
                timeout=httpx.Timeout(None, connect=CONNECT_S, write=WRITE_S),
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=8),
                follow_redirects=False,
                trust_env=False,
            )
        except (ValueError, UnicodeError) as exc:
            raise SpawnFailed(
                self._server, f"{self._server} has an unusable header", fix="Correct its headers."
            ) from exc
        return await self._shake()

    async def _shake(self) -> Agreed:
        self._agreed, self._session = None, ""
        handshake = Handshake(self._client_info, probe=self._probe)
        agreed = await shake_hands(
            self._server,
            handshake,
            self._ask_opening,
            timeout_s=self._start_timeout_s,
            probe_timeout_s=self._probe_timeout_s,
        )
        self._agreed = agreed
        if agreed.era is Era.LEGACY:
            await self._tell(envelope.notification("notifications/initialized"))
        return agreed

    async def _ask_opening(self, method: str, params: bytes, *, timeout_s: float, may_cancel: bool) -> bytes:
        """Ask during the handshake: a refusal of the probe is an answer; refused credentials end the attempt."""
        try:
            return await self._attempt(method, params, Patience(timeout_s), None, may_cancel=may_cancel)
        except PersonNeeded as exc:
            raise SpawnFailed(
                self._server, exc.message, fix=f"Then start it again: mcp-gateway restart {self._server}"
            ) from exc
        except HttpRefused as exc:
            if exc.status in (401, 403):
                raise SpawnFailed(
                    self._server,
                    f"{self._server} refused our credentials (HTTP {exc.status})",
                    fix=f"Set its secret or header; see: mcp-gateway secret set {self._server} KEY",
                ) from exc
            if method == "server/discover":
                raise RpcError(codes.METHOD_NOT_FOUND, exc.reason) from exc
            raise HandshakeFailed(
                self._server, f"{self._server}: {exc.reason} to {method}", fix="Check that its URL is an MCP endpoint."
            ) from exc

    async def ask(
        self,
        method: str,
        params: bytes,
        *,
        timeout_s: float,
        limit_s: float | None = None,
        on_notify: OnNotify | None = None,
        may_cancel: bool = True,
    ) -> bytes:
        """Send a request and return the raw result; see `ports.Connection.ask`."""
        if self._reopening.locked():  # no request may slip into a handshake that is going on
            async with self._reopening:
                pass
        patience = Patience(timeout_s, limit_s)
        session = self._session
        try:
            return await self._attempt(method, params, patience, on_notify, may_cancel=may_cancel)
        except SessionLost:
            await self._renew(session)
        except PersonNeeded as exc:
            self._end(exc.reason)  # its next start tells what is to be done
            raise
        except ChildGone:
            self._on_trouble()
            raise
        try:
            again = Patience(max(0.001, timeout_s - patience.waited_s), limit_s)
            return await self._attempt(method, params, again, on_notify, may_cancel=may_cancel)
        except SessionLost:
            raise ChildGone(self._server, reason="it forgot our session twice") from None

    async def _renew(self, lost: str) -> None:
        """Shake hands again, once for all the requests that lost the same session."""
        async with self._reopening:
            if self._session == lost:
                try:
                    await self._shake()
                except (HandshakeFailed, SpawnFailed) as exc:
                    self._end(exc.message)
                    raise ChildGone(self._server, reason=exc.message) from exc

    async def _attempt(
        self, method: str, params: bytes, patience: Patience, on_notify: OnNotify | None, *, may_cancel: bool
    ) -> bytes:
        if self._closed or self._http is None:
            raise ChildGone(self._server, reason=self._closed or "it is not connected")
        wire_id, self._next_id = self._next_id, self._next_id + 1
        self._open.add(patience)
        try:
            with patience.scope:
                return await self._post(wire_id, method, params, patience, on_notify)
        except asyncio.CancelledError:
            await self._cancel(wire_id, "the caller cancelled", may_cancel)
            raise
        finally:
            self._open.discard(patience)
        if self._closed:
            raise ChildGone(self._server, reason=self._closed)
        await self._cancel(wire_id, "the deadline passed", may_cancel)
        raise CallTimeout(self._server, round(patience.waited_s, 3))

    async def _post(
        self, wire_id: int, method: str, params: bytes, patience: Patience, on_notify: OnNotify | None
    ) -> bytes:
        assert self._http is not None  # noqa: S101 - `_attempt` checked; for the type checker
        is_modern = self._agreed is not None and self._agreed.era is Era.MODERN
        stamp = meta.stamp_for(self._agreed.revision, self._client_info) if self._agreed and is_modern else {}
        opening = self._agreed is None
        ready, theirs = (params, None) if opening else meta.for_leg(params, stamp, progress_token=wire_id)
        exchange = Exchange(
            self._server, wire_id, patience, on_notify, self._on_told, self._tell, caller_progress=theirs
        )
        session = self._session
        headers = request_headers(method, ready, self._agreed, session)
        body = envelope.request(wire_id, method, ready)
        try:
            async with (
                trouble_as_gone(self._server),
                self._http.stream("POST", self._url, content=body, headers=headers) as response,
            ):
                if response.status_code == 404 and session and not is_modern:
                    raise SessionLost
                if method == "initialize" and response.is_success:
                    self._session = response.headers.get(SESSION, "")
                return await exchange.read(response)
        finally:
            self.noise += exchange.noise
            self.heard += exchange.heard

    async def _tell(self, body: bytes) -> None:
        """Post a notification or an answer; whether it arrives is the server's loss."""
        if self._http is None:
            return
        headers = request_headers("", b"{}", self._agreed, self._session)
        with anyio.move_on_after(FAREWELL_S, shield=True), contextlib.suppress(httpx.HTTPError):
            async with self._http.stream("POST", self._url, content=body, headers=headers) as response:
                await drop(response)

    async def _cancel(self, wire_id: int, reason: str, may_cancel: bool) -> None:
        """Tell a legacy server; a modern one saw the stream close."""
        if may_cancel and self._agreed is not None and self._agreed.era is Era.LEGACY and not self._closed:
            params = msgspec.json.encode({"requestId": wire_id, "reason": reason})
            await self._tell(envelope.notification("notifications/cancelled", params))

    async def listen(self) -> None:
        """Keep the stream of notices open, where the server has one."""
        pause_s = RELISTEN_MIN_S
        while not self._closed:
            heard = self.heard
            try:
                await self._listen_once()
            except (RpcError, HttpRefused):
                return
            except (ChildGone, SessionLost):
                pass
            pause_s = RELISTEN_MIN_S if self.heard > heard else min(pause_s * 2, RELISTEN_MAX_S)
            await anyio.sleep(pause_s)

    async def _listen_once(self) -> None:
        if self._agreed is not None and self._agreed.era is Era.MODERN:
            await self._attempt("subscriptions/listen", LISTEN_PARAMS, Patience(float("inf")), None, may_cancel=False)
            return
        if self._http is None:
            return
        headers = {**request_headers("", b"{}", self._agreed, self._session), "accept": "text/event-stream"}
        async with (
            trouble_as_gone(self._server),
            self._http.stream("GET", self._url, headers=headers) as response,
        ):
            if response.headers.get("content-type", "").partition(";")[0] != "text/event-stream":
                raise HttpRefused(self._server, response.status_code)
            reader = SseReader()
            async for piece in plain_pieces(response):
                for event in reader.feed(piece):
                    await self._notice(event.data if event is not None else b"")

    async def _notice(self, data: bytes) -> None:
        message = envelope.read(data)
        if isinstance(message, envelope.Notification):
            self.heard += 1
            self._on_told(message.method, message.params)
        elif isinstance(message, envelope.Request):
            await self._tell(answer_to(message))

    async def close(self, *, grace_s: float) -> Gone:
        """End the session politely; open requests get ChildGone."""
        self._end(self._closed or "its connection was closed")
        if self._http is not None:
            if self._session:
                headers = request_headers("", b"{}", self._agreed, self._session)
                with anyio.move_on_after(min(grace_s, FAREWELL_S)), contextlib.suppress(httpx.HTTPError):
                    async with self._http.stream("DELETE", self._url, headers=headers) as response:
                        await drop(response)
            await self._http.aclose()
            self._http = None
        return Gone(self._closed)

    def _end(self, reason: str) -> None:
        self._closed = reason
        self.gone.set()
        for patience in list(self._open):
            patience.scope.cancel()


def _prefixed(headers: Mapping[str, str]) -> dict[str, str]:
    return {f"header:{name}": value for name, value in headers.items()}
