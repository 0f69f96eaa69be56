"""The only importer of `mcp`: the official SDK's server with our answers in it.

The SDK speaks the protocol (both eras, streams, cancellation, header checks); its middleware seam takes our results
as they are. That seam is provisional, which is why it is used here alone and the SDK's version is capped.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Protocol

import anyio
import msgspec
import structlog
from anyio.streams.memory import MemoryObjectReceiveStream
from mcp.server.caching import CacheHint
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel.server import NotificationOptions, Server
from mcp.server.models import InitializationOptions
from mcp.server.session import ServerSession
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ToolsListChanged
from mcp.shared.exceptions import MCPError
from mcp_types import methods
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_HANDSHAKE_VERSION, MODERN_PROTOCOL_VERSIONS
from starlette.types import Receive, Scope, Send

from gateway.endpoint.answers import INVALID_PARAMS, Answer
from gateway.endpoint.exchange import SCOPE_KEY, Exchange
from gateway.endpoint.ports import OnNotify
from gateway.errors import LocalProtocolError

SERVER_NAME = "mcp-gateway"
NOTIFICATIONS_WAITING = 256  # per call; a child that reports faster than its caller reads loses the newest ones
CHANGED_DEADLINE_S = 5.0  # a client that does not read its stream is not waited for any longer
DISCOVER_TTL_MS = 60_000
_RELAYED = frozenset({"notifications/progress"})
_Ctx = ServerRequestContext[Any, Any]


class Answers(Protocol):
    """Who answers the two methods that are ours."""

    def list_tools(self, exchange: Exchange, *, modern: bool) -> bytes:
        """The raw result of tools/list."""
        ...

    async def call_tool(self, exchange: Exchange, *, modern: bool, on_notify: OnNotify | None) -> Answer:
        """The answer to the tools/call that the exchange holds."""
        ...


class _Server(Server[Any]):
    """The SDK's server, which says that its list of tools can change."""

    def create_initialization_options(
        self,
        notification_options: NotificationOptions | None = None,
        experimental_capabilities: dict[str, dict[str, Any]] | None = None,
        extensions: dict[str, dict[str, Any]] | None = None,
    ) -> InitializationOptions:
        """What `initialize` answers."""
        options = notification_options or NotificationOptions(tools_changed=True)
        return super().create_initialization_options(options, experimental_capabilities, extensions)


class SdkFace:
    """The SDK's server and session manager. `handle` is an ASGI app; every scope must hold an Exchange."""

    def __init__(
        self,
        *,
        answers: Answers,
        version: str,
        instructions: str,
        input_schema: Callable[[str], Mapping[str, Any] | None],
        session_idle_s: float,
    ) -> None:
        self._answers = answers
        self._bus = InMemorySubscriptionBus()
        self._listen = ListenHandler(self._bus)
        self._server = _Server(
            SERVER_NAME,
            version=version,
            instructions=instructions,
            cache_hints={"server/discover": CacheHint(ttl_ms=DISCOVER_TTL_MS, scope="private")},
            get_tool_input_schema=input_schema,
            on_list_tools=_answered_before,
            on_call_tool=_answered_before,
            on_subscriptions_listen=self._listen,
        )
        self._server.middleware.append(self._answer)
        self._manager = StreamableHTTPSessionManager(self._server, session_idle_timeout=session_idle_s)
        self._sessions: dict[int, ServerSession] = {}
        self._log = structlog.get_logger("endpoint")

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve within this context."""
        async with self._manager.run():
            try:
                yield
            finally:
                self._listen.close()

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        await self._manager.handle_request(scope, receive, send)

    async def tools_changed(self) -> None:
        """Tell every client that listens that the list of tools is another one now."""
        await self._bus.publish(ToolsListChanged())
        with anyio.move_on_after(CHANGED_DEADLINE_S):
            async with anyio.create_task_group() as tasks:
                for session in list(self._sessions.values()):
                    tasks.start_soon(session.send_tool_list_changed)

    async def _answer(self, ctx: _Ctx, call_next: CallNext) -> HandlerResult:
        """The middleware: answers the methods that are ours, leaves the others to the SDK."""
        if ctx.method == "notifications/initialized":
            self._remember(ctx.session)
        if ctx.request_id is None or ctx.method not in {"tools/list", "tools/call"}:
            return await call_next(ctx)
        _check_params(ctx)
        exchange = _exchange(ctx)
        modern = ctx.protocol_version in MODERN_PROTOCOL_VERSIONS
        if ctx.method == "tools/list":
            _refuse_cursor(ctx.params)
            return exchange.stand_in(self._answers.list_tools(exchange, modern=modern))
        answer = await self._call(ctx, exchange, modern=modern)
        if answer.error is not None:
            raise MCPError(code=answer.error.code, message=answer.error.message)
        return exchange.stand_in(answer.result)

    async def _call(self, ctx: _Ctx, exchange: Exchange, *, modern: bool) -> Answer:
        if not _wants_progress(ctx.params):
            return await self._answers.call_tool(exchange, modern=modern, on_notify=None)
        send, receive = anyio.create_memory_object_stream[tuple[str, bytes]](NOTIFICATIONS_WAITING)

        def on_notify(method: str, params: bytes) -> None:
            if method in _RELAYED:
                with contextlib.suppress(anyio.WouldBlock, anyio.ClosedResourceError, anyio.BrokenResourceError):
                    send.send_nowait((method, params))

        # The group ends when the relay has told everything: what was reported before the answer arrives before it.
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._relay, ctx, exchange, receive)
            try:
                answer = await self._answers.call_tool(exchange, modern=modern, on_notify=on_notify)
            finally:
                send.close()
        return answer

    async def _relay(
        self, ctx: _Ctx, exchange: Exchange, reports: MemoryObjectReceiveStream[tuple[str, bytes]]
    ) -> None:
        # The public methods are typed and would drop what they do not know; the channel beneath takes any params.
        channel = ctx.session._request_outbound  # noqa: SLF001
        async with reports:
            async for method, params in reports:
                await channel.notify(method, exchange.stand_in(params))

    def _remember(self, session: ServerSession) -> None:
        connection = session._connection  # noqa: SLF001 - the SDK offers no public way to hear of a session's end
        key = id(connection)
        if key not in self._sessions:
            self._sessions[key] = session
            connection.exit_stack.callback(self._sessions.pop, key, None)


def negotiated_revision(asked: object) -> str:
    """The revision that the SDK will speak with a client that asks for this one."""
    return asked if isinstance(asked, str) and asked in HANDSHAKE_PROTOCOL_VERSIONS else LATEST_HANDSHAKE_VERSION


def is_legacy(revision_header: str | None) -> bool:
    """Whether a request with this MCP-Protocol-Version header belongs to a session."""
    return revision_header is None or revision_header in HANDSHAKE_PROTOCOL_VERSIONS


def server_info(version: str) -> bytes:
    """The raw JSON of our name and version."""
    return msgspec.json.encode({"name": SERVER_NAME, "version": version})


async def _answered_before(_ctx: _Ctx, _params: Any) -> Any:
    """Stands for a method in the SDK's table, from which it derives our capabilities; the middleware answers it."""
    raise MCPError(code=INVALID_PARAMS, message="Invalid request parameters")


def _exchange(ctx: _Ctx) -> Exchange:
    if ctx.request is None:
        raise LocalProtocolError("a request reached the SDK that did not come over HTTP")
    exchange: Exchange = ctx.request.scope[SCOPE_KEY]
    return exchange


def _check_params(ctx: _Ctx) -> None:
    try:
        methods.validate_client_request(ctx.method, ctx.protocol_version, ctx.params)
    except KeyError:
        raise MCPError(code=-32601, message="Method not found", data=ctx.method) from None


def _refuse_cursor(params: Mapping[str, Any] | None) -> None:
    if (params or {}).get("cursor") is not None:
        raise MCPError(code=INVALID_PARAMS, message="Unknown cursor: everything stands on the first page")


def _wants_progress(params: Mapping[str, Any] | None) -> bool:
    meta = (params or {}).get("_meta")
    return isinstance(meta, Mapping) and "progressToken" in meta
