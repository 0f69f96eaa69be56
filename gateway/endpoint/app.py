"""The ASGI app of /mcp and /mcp/p/{profile}: who calls, what the body is, and into which era it goes."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.clock import Clock
from gateway.endpoint.caller import read_caller
from gateway.endpoint.exchange import SCOPE_KEY, Exchange
from gateway.endpoint.inbound import INVALID_REQUEST, Inbound, NotAMessage, read_message
from gateway.endpoint.reply import Reply, header
from gateway.endpoint.responses import refusal, rpc_error
from gateway.endpoint.resume import replayed
from gateway.endpoint.tokens import ANONYMOUS
from gateway.errors import UsageError
from gateway.model import Caller

PRINCIPAL_KEY = "gateway.principal"
"""Where the gate writes who was proven to call."""

_METHODS = frozenset({"GET", "POST", "DELETE"})
_STOPPING = refusal(
    503, "stopping", "the gateway is stopping; nothing was done",
    "Try again when it is back.", {"retry-after": "2"},
)  # fmt: skip


class McpApp:
    """Reads a request once and hands it to the legacy era's sessions or to the modern era's single exchanges."""

    def __init__(
        self,
        *,
        legacy: ASGIApp,
        modern: ASGIApp,
        is_legacy: Callable[[str | None], bool],
        has_profile: Callable[[str], bool],
        is_running: Callable[[], bool],
        is_draining: Callable[[], bool] = lambda: False,
        clock: Clock,
    ) -> None:
        self._legacy = legacy
        self._modern = modern
        self._is_legacy = is_legacy
        self._has_profile = has_profile
        self._is_running = is_running
        self._is_draining = is_draining
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        refused = self._refusal(scope)
        if refused is not None:
            return await refused(scope, receive, send)
        try:
            exchange = Exchange(self._caller(scope))
        except UsageError as exc:
            return await rpc_error(400, INVALID_REQUEST, f"{exc.message}. {exc.fix}")(scope, receive, send)
        body = await read_body(receive)
        if body is None:
            return None
        if scope["method"] == "POST":
            try:
                exchange.body, exchange.inbound = body, read_message(body)
            except NotAMessage as exc:
                return await rpc_error(400, exc.code, exc.message, exc.id)(scope, receive, send)
        if self._is_draining() and _is_new_work(scope["method"], exchange.inbound):
            return await _STOPPING(scope, receive, send)
        return await self._serve({**scope, SCOPE_KEY: exchange}, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        revision = header(scope["headers"], b"mcp-protocol-version").decode("latin-1")
        exchange: Exchange = scope[SCOPE_KEY]
        if self._is_legacy(revision or None):
            return await self._legacy(scope, receive, send)
        reply = Reply(exchange, send, lambda *_: "", may_be_json=False)
        return await self._modern(scope, replayed(exchange.body, receive), reply)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        profile = _profile(scope["path"])
        if profile is None or not self._has_profile(profile):
            return refusal(
                404, "not_found", "there is no such profile here", "Use /mcp, or a configured /mcp/p/{name}."
            )
        if scope["method"] not in _METHODS:
            return refusal(
                405,
                "method_not_allowed",
                "only GET, POST and DELETE",
                "POST a message.",
                {"allow": "GET, POST, DELETE"},
            )
        kind = header(scope["headers"], b"content-type").split(b";")[0].strip().lower()
        if scope["method"] == "POST" and kind != b"application/json":
            return rpc_error(415, INVALID_REQUEST, "Unsupported Media Type: Content-Type must be application/json")
        if not self._is_running():
            return refusal(503, "starting", "the gateway is starting or stopping", "Try again.", {"retry-after": "1"})
        return None

    def _caller(self, scope: Scope) -> Caller:
        principal = scope.get(PRINCIPAL_KEY, ANONYMOUS)
        return read_caller(
            scope["headers"],
            scope.get("query_string", b""),
            principal=principal,
            profile=_profile(scope["path"]) or "",
            wall=self._clock.wall(),
        )


def _is_new_work(verb: str, message: Inbound) -> bool:
    """Whether a request begins something; answers, cancellations and signs of life belong to what goes on."""
    return verb == "GET" or (message.id is not None and message.method not in {"", "ping"})


async def read_body(receive: Receive) -> bytes | None:
    """Read a request's body; None when the client left before its end."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _profile(path: str) -> str | None:
    """The profile that a path names; empty for /mcp itself, None when it is no path of ours."""
    rest = path.rstrip("/")
    if rest == "/mcp":
        return ""
    name = rest.removeprefix("/mcp/p/")
    return name if name != rest and name and "/" not in name else None
