"""/ui on HTTP: the page of everything, each server's page, their live events, login and logout."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from gateway.admin.ports import Json, RunningVerbs
from gateway.admin.problems import http_status
from gateway.admin.web import sections, server_sections
from gateway.admin.web.html import Html
from gateway.admin.web.layout import content_security_policy, login_document, server_page, status_page, trouble_page
from gateway.admin.web.live import LIVE_EVERY_S, Live
from gateway.admin.web.session import COOKIE, COOKIE_PATH, LIFETIME_S, LoginThrottle, UiKeys
from gateway.errors import GatewayError, NotFound

CALLS_SHOWN = 25
DEATHS_SHOWN = 25
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
        Route("/ui/servers/{name}", pages.server),
        Route("/ui/servers/{name}/live", pages.server_live),
        Route("/ui/servers/{name}/{order}", pages.order, methods=["POST"]),
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
        self._live = Live(live_every_s)
        self._keys = keys
        self._throttle = LoginThrottle(keys.clock)

    async def page(self, request: Request) -> Response:
        """Show everything."""
        query, agent = _field(request, "query"), _field(request, "agent")
        nonce = secrets.token_urlsafe(16)
        parts = await self._parts(query, agent)
        parts["connect"] = await self._connect()
        return HTMLResponse(status_page(parts, nonce=nonce, query=query, agent=agent), headers=_page_headers(nonce))

    async def live(self, request: Request) -> Response:
        """Send the parts that changed, as server-sent events."""
        query, agent = _field(request, "query"), _field(request, "agent")

        async def parts() -> dict[str, Html]:
            return {_place(name): part for name, part in (await self._parts(query, agent)).items()}

        return self._live.answer(parts, _HEADERS)

    async def server(self, request: Request) -> Response:
        """Show one server."""
        nonce, name = secrets.token_urlsafe(16), _server_name(request)
        try:
            parts = await self._server_parts(name)
        except GatewayError as exc:
            said = trouble_page(sections.trouble(exc.message, exc.fix), nonce=nonce)
            return HTMLResponse(said, http_status(exc), _page_headers(nonce))
        return HTMLResponse(server_page(name, parts, nonce=nonce), headers=_page_headers(nonce))

    async def server_live(self, request: Request) -> Response:
        """Send the parts of one server's page that changed."""
        name = _server_name(request)

        async def parts() -> dict[str, Html]:
            try:
                found = await self._server_parts(name)
            except GatewayError as exc:
                found = {"particulars": sections.trouble(exc.message, exc.fix), "orders": Html("")}
            return {_place(part): html for part, html in found.items()}

        return self._live.answer(parts, _HEADERS)

    async def _server_parts(self, name: str) -> dict[str, Html]:
        rows = {row.get("name"): row for row in (await self._verbs.status()).get("servers") or []}
        if (row := rows.get(name)) is None:
            raise NotFound(f"no server called {name[:60]!r} is here.", fix="It may have been removed.")
        deaths = await _result(lambda: self._verbs.deaths(name=name, limit=DEATHS_SHOWN))
        return {
            "orders": server_sections.orders(row),
            "particulars": server_sections.particulars(row),
            "ends": server_sections.ends(row),
            "deaths": _rendered(server_sections.deaths, deaths),
            "breakers": server_sections.breakers(row),
            "meters": server_sections.meters(row),
            "stderr": server_sections.stderr(row),
        }

    async def order(self, request: Request) -> Response:
        """Start, stop or restart a server. The cookie is same-site and the gate checks Origin."""
        order, name = request.path_params["order"], _server_name(request)
        if order not in server_sections.ORDERS:
            return PlainTextResponse("start, stop or restart\n", 404, _HEADERS)
        try:
            await getattr(self._verbs, order)(name)
        except GatewayError as exc:
            return PlainTextResponse(f"{exc.message}. {exc.fix}\n", http_status(exc), _HEADERS)
        return RedirectResponse(server_sections.server_path(name), 303, _HEADERS)

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


def _server_name(request: Request) -> str:
    return str(request.path_params["name"])[:FIELD_CHARACTERS]


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
