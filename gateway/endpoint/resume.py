"""From an outer session id to a live SDK session, replaying `initialize` inside when there is none.

The outer id is signed and says everything; what the SDK remembers is a cache of it. After a restart, or on another
replica, an old id therefore works; only a forged, expired or deleted one is answered by 404.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

import anyio
import msgspec
import structlog
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.clock import Clock
from gateway.endpoint.exchange import SCOPE_KEY, Exchange
from gateway.endpoint.inbound import INVALID_REQUEST
from gateway.endpoint.ports import Tombstones
from gateway.endpoint.reply import SESSION_HEADER, Reply, header, without
from gateway.endpoint.responses import rpc_error
from gateway.endpoint.rounds import Rounds
from gateway.endpoint.sessions import Session, SessionSeal, trimmed_capabilities

INTERNAL_ERROR = -32603
MAX_LIVE = 20_000
_GONE = "Session not found: it was ended, or its id was not made here. Initialize a new one."
_TWICE = "Invalid request: another request of this session with the same id is still being answered."
_MISSING = "Bad Request: Missing session ID. Send the Mcp-Session-Id that initialize answered with."


@dataclass(frozen=True, slots=True)
class Resumption:
    """What sessions are made from. `sid` makes a fresh random session id; `revision` says what the SDK will speak."""

    seal: SessionSeal
    tombstones: Tombstones
    clock: Clock
    rounds: Rounds
    sid: Callable[[], str]
    revision: Callable[[object], str]
    ended: Callable[[Session], Awaitable[None]]


class Sessions:
    """An ASGI app before the SDK's: legacy-era requests with our ids come in, the SDK's own ids go on."""

    def __init__(self, sdk: ASGIApp, made_from: Resumption) -> None:
        self._sdk = sdk
        self._of = made_from
        # The calendar as it stood when we began: somebody may set it, and sessions shall not notice.
        self._epoch = made_from.clock.wall() - made_from.clock.now()
        self._inner: OrderedDict[str, str] = OrderedDict()  # our sid -> the SDK's session id
        self._resuming: dict[str, anyio.Lock] = {}
        self._open_ids: set[tuple[str, bytes]] = set()  # (our sid, raw request id) of what is being answered
        self._log = structlog.get_logger("endpoint")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request of the legacy era."""
        exchange: Exchange = scope[SCOPE_KEY]
        outer = header(scope["headers"], SESSION_HEADER).decode("latin-1")
        if exchange.inbound.method == "initialize" and exchange.inbound.id is not None:
            await self._open(scope, receive, send, exchange)
        elif not outer:
            await rpc_error(400, INVALID_REQUEST, _MISSING)(scope, receive, send)
        elif (session := self._session(outer, exchange)) is None:
            await rpc_error(404, INVALID_REQUEST, _GONE)(scope, receive, send)
        else:
            await self._serve_once(scope, receive, send, outer, session)

    async def _serve_once(self, scope: Scope, receive: Receive, send: Send, outer: str, session: Session) -> None:
        """Serve a request unless its id is taken: the SDK would mix the two answers up and leave one caller waiting."""
        inbound = scope[SCOPE_KEY].inbound
        if inbound.id is None or not inbound.method:
            return await self._serve(scope, receive, send, outer, session)
        key = (session.sid, bytes(inbound.id))
        if key in self._open_ids:
            return await rpc_error(400, INVALID_REQUEST, _TWICE, key[1])(scope, receive, send)
        self._open_ids.add(key)
        try:
            return await self._serve(scope, receive, send, outer, session)
        finally:
            self._open_ids.discard(key)

    def _session(self, outer: str, exchange: Exchange) -> Session | None:
        """The session of an id, if it is ours, alive, and this principal's."""
        session = self._of.seal.open(outer, self._wall())
        if session is None or session.principal != exchange.caller.principal:
            return None
        return None if self._of.tombstones.contains(session.sid) else session

    def _wall(self) -> float:
        return self._epoch + self._of.clock.now()

    async def _open(self, scope: Scope, receive: Receive, send: Send, exchange: Exchange) -> None:
        """A new session: its id is made when the SDK has accepted the handshake."""

        def on_start(status: int, inner: str) -> str:
            if status >= HTTPStatus.BAD_REQUEST:
                return ""
            session = self._new_session(exchange)
            exchange.session = session
            self._remember(session.sid, inner)
            return self._of.seal.seal(session)

        headers = without(scope["headers"], SESSION_HEADER)
        reply = Reply(exchange, send, on_start, may_be_json=True)
        await self._sdk({**scope, "headers": headers}, replayed(exchange.body, receive), reply)

    def _new_session(self, exchange: Exchange) -> Session:
        caller = exchange.caller
        params = {key: msgspec.json.decode(raw) for key, raw in exchange.inbound.params.items()}
        capabilities = params.get("capabilities")
        return Session(
            sid=self._of.sid(),
            issued=self._wall(),
            revision=self._of.revision(params.get("protocolVersion")),
            capabilities=trimmed_capabilities(capabilities) if isinstance(capabilities, dict) else {},
            principal=caller.principal,
            agent=caller.agent,
            run=caller.run,
            round=self._of.rounds.begin(caller, self._of.clock.now()),
        )

    async def _serve(self, scope: Scope, receive: Receive, send: Send, outer: str, session: Session) -> None:
        exchange: Exchange = scope[SCOPE_KEY]
        exchange.session = session
        exchange.caller = replace(exchange.caller, agent=session.agent, run=session.run)
        self._of.rounds.touch(exchange.caller, self._of.clock.now(), at_least=session.round)
        if scope["method"] == "DELETE":
            await self._bury(session)
        reply = Reply(exchange, send, lambda *_: outer, may_be_json=scope["method"] == "POST")
        first = _Unless404(reply)
        known = self._inner.get(session.sid)
        if known is not None:
            self._inner.move_to_end(session.sid)
            await self._sdk(_inside(scope, known), replayed(exchange.body, receive), first)
        if known is not None and not first.was_404:
            return
        if scope["method"] == "DELETE":
            await Response(status_code=HTTPStatus.OK)(scope, receive, send)
            return
        inner = await self._resume(scope, session, stale=known)
        if not inner:
            full = rpc_error(503, INTERNAL_ERROR, "Too many open sessions; try again in a while.")
            await full(scope, receive, send)
            return
        await self._sdk(_inside(scope, inner), replayed(exchange.body, receive), reply)

    async def _bury(self, session: Session) -> None:
        """End a session for good, before the SDK hears of it: whatever happens then, the id is dead."""
        await self._of.tombstones.bury(session.sid, session.expires)
        await self._of.ended(session)

    async def _resume(self, scope: Scope, session: Session, stale: str | None) -> str:
        """Bring the session to life inside the SDK; several requests that need it wait for one."""
        lock = self._resuming.setdefault(session.sid, anyio.Lock())
        try:
            async with lock:
                inner = self._inner.get(session.sid)
                if inner is None or inner == stale:
                    inner = await self._replay(scope, session)
                    if not inner:
                        return ""
                    self._remember(session.sid, inner)
                    self._log.info("session_resumed", agent=session.agent, run=session.run, round=session.round)
                return inner
        finally:
            if not lock.statistics().tasks_waiting:
                self._resuming.pop(session.sid, None)

    async def _replay(self, scope: Scope, session: Session) -> str:
        params = {
            "protocolVersion": session.revision,
            "capabilities": session.capabilities,
            "clientInfo": {"name": "resumed", "version": "0"},
        }
        hello = {"jsonrpc": "2.0", "id": "resume", "method": "initialize", "params": params}
        inner = await self._post(scope, hello, None)
        if inner:
            await self._post(scope, {"jsonrpc": "2.0", "method": "notifications/initialized"}, inner)
        return inner

    async def _post(self, scope: Scope, message: dict[str, Any], inner: str | None) -> str:
        """Send one message of our own through the SDK; return the session id in its answer."""
        seen: list[bytes] = []

        async def send(answer: Message) -> None:
            if answer["type"] == "http.response.start" and answer["status"] < HTTPStatus.BAD_REQUEST:
                seen.append(header(answer.get("headers", ()), SESSION_HEADER))

        headers = without(scope["headers"], SESSION_HEADER, b"content-type", b"accept", b"content-length")
        headers += [(b"content-type", b"application/json"), (b"accept", b"application/json, text/event-stream")]
        headers += [] if inner is None else [(SESSION_HEADER, inner.encode("ascii"))]
        inside = {**scope, "method": "POST", "headers": headers}
        await self._sdk(inside, replayed(json.dumps(message).encode(), anyio.sleep_forever), send)
        return seen[0].decode("latin-1") if seen else ""

    def _remember(self, sid: str, inner: str) -> None:
        self._inner[sid] = inner
        self._inner.move_to_end(sid)
        while len(self._inner) > MAX_LIVE:
            self._inner.popitem(last=False)


class _Unless404:
    """An ASGI `send` that keeps a 404 to itself."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.was_404 = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == HTTPStatus.NOT_FOUND:
            self.was_404 = True
        if not self.was_404:
            await self._send(message)


def replayed(body: bytes, receive: Callable[[], Awaitable[Any]]) -> Receive:
    """A `receive` that gives a body that was already read, then what the client does next."""
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return dict(await receive())
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _inside(scope: Scope, inner: str) -> Scope:
    # No events are kept, and the SDK would leave a request that asks for kept ones without any answer.
    headers = without(scope["headers"], SESSION_HEADER, b"last-event-id")
    return {**scope, "headers": [*headers, (SESSION_HEADER, inner.encode("ascii"))]}
