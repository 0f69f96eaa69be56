"""/ui on HTTP: the page, its live events, login and logout."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any
from urllib.parse import parse_qs

import anyio
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from gateway.admin.ports import Json, RunningVerbs
from gateway.admin.problems import http_status
from gateway.admin.web import sections
from gateway.admin.web.html import Html
from gateway.admin.web.layout import content_security_policy, login_document, status_page
from gateway.admin.web.session import COOKIE, COOKIE_PATH, LIFETIME_S, LoginThrottle, UiKeys
from gateway.errors import GatewayError

LIVE_EVERY_S = 2.0
LIVE_READERS = 16  # open pages; each costs one rendering per LIVE_EVERY_S
CALLS_SHOWN = 25
LOGIN_BYTES = 4096
FIELD_CHARACTERS = 1000

_HEADERS = {
    # With "no-referrer" browsers send `Origin: null` with our own forms, and the gate refuses that.
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


def ui_routes(verbs: RunningVerbs, keys: UiKeys) -> list[Route]:
    """Make the routes below /ui; only /ui/login may be reached without cookie or token."""
    pages = Pages(verbs, keys)
    return [
        Route("/ui", pages.page),
        Route("/ui/", pages.page),
        Route("/ui/live", pages.live),
        Route("/ui/requests/{request}/{choice}", pages.decide, methods=["POST"]),
        Route("/ui/login", pages.login_form),
        Route("/ui/login", pages.login, methods=["POST"]),
        Route("/ui/logout", pages.logout, methods=["POST"]),
    ]


def login_page() -> bytes:
    """Make the login form, for whoever stands in front and meets a caller without a cookie."""
    return login_document(nonce=secrets.token_urlsafe(16)).encode()


def _login_answer(message: str = "", *, status: int = 200) -> Response:
    nonce = secrets.token_urlsafe(16)
    return HTMLResponse(login_document(nonce=nonce, message=message), status, _page_headers(nonce))


class Pages:
    """The page's handlers over one set of verbs."""

    def __init__(self, verbs: RunningVerbs, keys: UiKeys, *, live_every_s: float = LIVE_EVERY_S) -> None:
        self._verbs = verbs
        self._live_every_s = live_every_s
        self._keys = keys
        self._throttle = LoginThrottle(keys.clock)
        self._readers = 0

    async def page(self, request: Request) -> Response:
        """Show everything."""
        query, agent = _field(request, "query"), _field(request, "agent")
        nonce = secrets.token_urlsafe(16)
        parts = await self._parts(query, agent)
        parts["connect"] = await self._connect()
        return HTMLResponse(status_page(parts, nonce=nonce, query=query, agent=agent), headers=_page_headers(nonce))

    async def live(self, request: Request) -> Response:
        """Send the parts that changed, as server-sent events."""
        if self._readers >= LIVE_READERS:
            return PlainTextResponse("too many open pages\n", 503, {"Retry-After": "30"})
        events = self._events(_field(request, "query"), _field(request, "agent"))
        headers = {**_HEADERS, "X-Accel-Buffering": "no"}
        return StreamingResponse(events, media_type="text/event-stream", headers=headers)

    async def _events(self, query: str, agent: str) -> AsyncIterator[bytes]:
        self._readers += 1
        try:
            async with aclosing(self._changes(query, agent)) as changes:
                async for changed in changes:
                    # A comment when nothing changed: a reader that is gone is noticed by writing to it.
                    yield f"data: {json.dumps(changed)}\n\n".encode() if changed else b": nothing new\n\n"
        finally:
            self._readers -= 1

    async def _changes(self, query: str, agent: str) -> AsyncGenerator[dict[str, str], None]:
        shown: dict[str, str] = {}
        while True:
            parts = await self._parts(query, agent)
            fresh = {_place(name): str(part) for name, part in parts.items()}
            yield {place: part for place, part in fresh.items() if shown.get(place) != part}
            shown = fresh
            await anyio.sleep(self._live_every_s)

    async def _parts(self, query: str, agent: str) -> dict[str, Html]:
        status = await _result(self._verbs.status)
        calls = await _result(lambda: self._verbs.calls(limit=CALLS_SHOWN))
        tools = await _result(lambda: self._verbs.tools(query=query or None, agent=agent or None))
        return {
            "summary": _rendered(sections.summary, status),
            "servers": _rendered(sections.servers_table, status),
            "requests": _rendered(sections.requests_table, await _result(self._verbs.requests)),
            "calls": _rendered(sections.calls_table, calls),
            "tools": _rendered(sections.tools_table, tools),
        }

    async def _connect(self) -> Html:
        status, block = await _result(self._verbs.status), await _result(self._verbs.massgen_block)
        if isinstance(block, GatewayError):
            return sections.trouble(block.message, block.fix)
        return _rendered(lambda known: sections.connect(known, block), status)

    async def decide(self, request: Request) -> Response:
        """Say yes or no to what an agent asked for. The cookie is same-site and the gate checks Origin."""
        choice = request.path_params["choice"]
        if choice not in {"approve", "deny"}:
            return PlainTextResponse("approve or deny\n", 404, _HEADERS)
        try:
            await self._verbs.request_decide(request.path_params["request"], choice == "approve")
        except GatewayError as exc:
            return PlainTextResponse(f"{exc.message}. {exc.fix}\n", http_status(exc), _HEADERS)
        return RedirectResponse("/ui#requests", 303, _HEADERS)

    async def login_form(self, _request: Request) -> Response:
        """Ask for the admin token."""
        return _login_answer()

    async def login(self, request: Request) -> Response:
        """Exchange the admin token for the cookie."""
        wait_s = self._throttle.wait_s()
        if wait_s > 0:
            answer = _login_answer("Too many wrong tokens. Wait a minute.", status=429)
            answer.headers["Retry-After"] = str(max(1, round(wait_s)))
            return answer
        if not self._keys.is_admin_token(await _posted_token(request)):
            self._throttle.failed()
            return _login_answer("That is not the admin token.", status=403)
        answer = RedirectResponse("/ui", 303, _HEADERS)
        answer.set_cookie(
            COOKIE, self._keys.make_cookie(), max_age=LIFETIME_S, path=COOKIE_PATH, httponly=True, samesite="strict",
            secure=request.url.scheme == "https",
        )  # fmt: skip
        return answer

    async def logout(self, _request: Request) -> Response:
        """Forget the cookie."""
        answer = RedirectResponse("/ui/login", 303, _HEADERS)
        answer.delete_cookie(COOKIE, path=COOKIE_PATH, httponly=True, samesite="strict")
        return answer


async def _result(verb: Callable[[], Awaitable[Json]]) -> Json | GatewayError:
    try:
        return await verb()
    except GatewayError as exc:
        return exc


def _rendered(render: Callable[[Json], Html], result: Json | GatewayError) -> Html:
    return sections.trouble(result.message, result.fix) if isinstance(result, GatewayError) else render(result)


def _place(part: str) -> str:
    return part if part == "summary" else f"{part}-live"


def _field(request: Request, name: str) -> str:
    return request.query_params.get(name, "")[:FIELD_CHARACTERS]


async def _posted_token(request: Request) -> str:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LOGIN_BYTES:
            return ""
    try:
        fields: dict[str, list[Any]] = parse_qs(body.decode("utf-8", "replace"), max_num_fields=8)
    except ValueError:
        return ""
    return str(fields.get("token", [""])[0]).strip()


def _page_headers(nonce: str) -> dict[str, str]:
    return {**_HEADERS, "Content-Security-Policy": content_security_policy(nonce)}
