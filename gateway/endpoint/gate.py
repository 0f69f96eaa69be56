"""What every request passes before anything else: Host, Origin, size of headers, token, size and speed of the body.

Nothing is read of a request that may not be here, and no answer waits for ever for a client that does not read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

import anyio
import anyio.lowlevel
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.endpoint.app import PRINCIPAL_KEY
from gateway.endpoint.caller import carries_token
from gateway.endpoint.reply import header
from gateway.endpoint.responses import refusal
from gateway.endpoint.resume import replayed
from gateway.endpoint.tokens import ANONYMOUS, Grant, Tokens
from gateway.endpoint.wherefrom import host_allowed, origin_allowed

ADMIN_KEY = "gateway.admin"
"""Where the gate writes whether the caller proved to be an administrator."""

UI_COOKIE = "mcp_gateway_ui"
OPEN_PATHS = ("/", "/healthz", "/readyz", "/metrics", "/ui/login")
_ADMIN_PATHS = ("/api/v1", "/ui")
_HEADER_FIX = "Send the header 'Authorization: Bearer TOKEN'; the token lies in the state directory."
_QUERY_FIX = "Send it in the header 'Authorization: Bearer TOKEN': URLs end up in logs."


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one request; durations in seconds."""

    body_bytes: int = 4 * 1024 * 1024
    header_bytes: int = 32 * 1024
    body_deadline_s: float = 30.0
    send_deadline_s: float = 60.0  # how long one piece of an answer may wait for a client that does not read


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a request goes no further: the counter's word for it, and the answer."""

    reason: str  # auth | origin | size | deadline
    answer: ASGIApp


class Gate:
    """ASGI middleware in front of everything that the daemon serves."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        tokens: Callable[[], Tokens],
        allowed_hosts: Collection[str] = (),
        allowed_origins: Collection[str] = (),
        limits: Limits | None = None,
        open_paths: Collection[str] = OPEN_PATHS,
        ui_cookie_ok: Callable[[str], bool] = lambda _: False,
        login_page: Callable[[], bytes] = lambda: b"",
        on_refused: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._app = app
        self._tokens = tokens
        self._hosts = frozenset(host.lower() for host in allowed_hosts)
        self._origins = frozenset(origin.lower() for origin in allowed_origins)
        self._limits = limits or Limits()
        self._open = frozenset(open_paths)
        self._ui_cookie_ok = ui_cookie_ok
        self._login_page = login_page
        self._on_refused = on_refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        grant = self._judge(scope)
        passed = await self._body(scope, receive) if isinstance(grant, Grant) else grant
        if isinstance(passed, Refused):
            self._on_refused(passed.reason)
            await passed.answer(scope, receive, send)
        elif passed is not None and isinstance(grant, Grant):
            inside = {**scope, PRINCIPAL_KEY: grant.principal, ADMIN_KEY: grant.admin}
            await self._within_deadlines(inside, replayed(passed, receive), send)

    def _judge(self, scope: Scope) -> Grant | Refused:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        hosts = _all(headers, b"host")
        if len(hosts) != 1 or not host_allowed(hosts[0], self._hosts):
            answer = refusal(
                403, "forbidden_host", "this Host is not served here", "See [auth] allowed_hosts.", close=True
            )
            return Refused("origin", answer)
        origins = _all(headers, b"origin")
        if any(not origin_allowed(o, hosts[0], str(scope.get("scheme", "http")), self._origins) for o in origins):
            fix = "See [auth] allowed_origins."
            return Refused("origin", refusal(403, "forbidden_origin", "this Origin may not call", fix, close=True))
        if sum(len(key) + len(value) + 4 for key, value in headers) > self._limits.header_bytes:
            fix = "Send fewer or shorter headers."
            return Refused("size", refusal(431, "too_large", "the headers are too large", fix, close=True))
        return self._authorize(scope, headers)

    def _authorize(self, scope: Scope, headers: list[tuple[bytes, bytes]]) -> Grant | Refused:
        tokens = self._tokens()
        path = str(scope["path"])
        if not tokens.enabled:
            return Grant(ANONYMOUS, admin=True)
        if carries_token(scope.get("query_string", b"")):
            return _unauthorized("invalid_request", "a token in the URL is refused", _QUERY_FIX)
        grant = self._grant(tokens, path, headers)
        if isinstance(grant, Grant):
            if _is_admin_path(path) and not grant.admin and path not in self._open:
                fix = "Use the administration's token."
                return Refused(
                    "auth", refusal(403, "forbidden", "the agents' token does not open this", fix, close=True)
                )
            return grant
        if path in self._open:
            return Grant(ANONYMOUS, admin=False)
        if (
            path.startswith("/ui")
            and b"text/html" in header(headers, b"accept")
            and not _all(headers, b"authorization")
        ):
            challenge = {"www-authenticate": 'Bearer realm="mcp-gateway"'}
            return Refused("auth", HTMLResponse(self._login_page(), status_code=401, headers=challenge))
        return grant

    def _grant(self, tokens: Tokens, path: str, headers: list[tuple[bytes, bytes]]) -> Grant | Refused:
        given = _all(headers, b"authorization")
        if len(given) > 1:
            return _unauthorized("invalid_request", "more than one Authorization header", _HEADER_FIX)
        if not given:
            if (path == "/ui" or path.startswith("/ui/")) and self._ui_cookie_ok(_cookie(headers)):
                return Grant("ui", admin=True)
            return _unauthorized("", "a token is needed", _HEADER_FIX)
        scheme, _, token = given[0].strip().partition(" ")
        grant = tokens.check(token.strip()) if scheme.lower() == "bearer" else None
        return grant or _unauthorized("invalid_token", "this token is not valid here", _HEADER_FIX)

    async def _body(self, scope: Scope, receive: Receive) -> bytes | Refused | None:
        """Read the body; None when the client left."""
        if not self._fits(scope["headers"]):
            return _too_large(self._limits.body_bytes)
        parts = bytearray()
        with anyio.move_on_after(self._limits.body_deadline_s):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    return None
                parts += message.get("body", b"")
                if len(parts) > self._limits.body_bytes:
                    return _too_large(self._limits.body_bytes)
                if not message.get("more_body", False):
                    return bytes(parts)
        fix = "Send the body without pauses."
        return Refused("deadline", refusal(408, "timeout", "the body came too slowly", fix, close=True))

    def _fits(self, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        length = header(headers, b"content-length")
        return not length or (length.isdigit() and int(length[:20]) <= self._limits.body_bytes)

    async def _within_deadlines(self, scope: Scope, receive: Receive, send: Send) -> None:
        with anyio.CancelScope() as whole:

            async def send_or_leave(message: Message) -> None:
                with anyio.move_on_after(self._limits.send_deadline_s) as waiting:
                    await send(message)
                if waiting.cancelled_caught:
                    self._on_refused("deadline")
                    whole.cancel()
                    await anyio.lowlevel.checkpoint()

            await self._app(scope, receive, send_or_leave)


def is_admin(scope: Scope) -> bool:
    """Whether the gate saw the administration's token (or cookie) on this request."""
    return bool(scope.get(ADMIN_KEY, False))


def _is_admin_path(path: str) -> bool:
    return any(path == prefix or path.startswith(prefix + "/") for prefix in _ADMIN_PATHS)


def _all(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in headers if key.lower() == name]


def _cookie(headers: Iterable[tuple[bytes, bytes]]) -> str:
    for text in _all(headers, b"cookie"):
        try:
            morsel = SimpleCookie(text).get(UI_COOKIE)
        except CookieError:
            continue
        if morsel is not None:
            return morsel.value
    return ""


def _unauthorized(error: str, message: str, fix: str) -> Refused:
    challenge = 'Bearer realm="mcp-gateway"' + (f', error="{error}"' if error else "")
    return Refused("auth", refusal(401, "unauthorized", message, fix, {"www-authenticate": challenge}, close=True))


def _too_large(limit: int) -> Refused:
    return Refused("size", refusal(413, "too_large", f"a body may have {limit} bytes", "Send less.", close=True))
