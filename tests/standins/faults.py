"""ASGI middleware of all stand-ins: a log of requests, and faults that are switched over `/ctl/...`.

GET  /ctl/log        -> [{"method","path","query","authorization","user_agent","retry","headers","at"}], oldest first;
                     `at`: monotonic seconds when it came in
DELETE /ctl/log      empties it
POST /ctl/fault      {"mode": "status|html|truncated|dropped|slow|drip|garbled|mistyped|huge", "status", "headers",
                      "body", "seconds", "times" (default: for ever), "path" (prefix)}; first match wins
DELETE /ctl/fault    back to normal
POST /ctl/settings   whatever the stand-in understands, e.g. {"anonymous": true}
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

HTML = b"<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>"
HUGE = 9 * 1024 * 1024


@dataclass
class Fault:
    """One way to misbehave, for the next `times` matching requests."""

    mode: str = "status"
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    seconds: float = 30.0
    times: int | None = None
    path: str = "/"


class Controlled:
    """Wraps a stand-in's app."""

    def __init__(self, app: ASGIApp, settings: dict[str, Any]) -> None:
        self._app = app
        self.settings = settings
        self.log: list[dict[str, Any]] = []
        self.faults: list[Fault] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or misbehave."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        if request.url.path.startswith("/ctl/"):
            await (await self._control(request))(scope, receive, send)
            return
        self.log.append(_row(request))
        fault = self._due(request.url.path)
        if fault is None:
            await self._app(scope, receive, send)
        else:
            await _misbehave(fault, self._app, scope, receive, send)

    async def _control(self, request: Request) -> Response:
        match request.method, request.url.path:
            case "GET", "/ctl/log":
                return JSONResponse(self.log)
            case "DELETE", "/ctl/log":
                self.log.clear()
            case "POST", "/ctl/fault":
                self.faults.append(Fault(**await request.json()))
            case "DELETE", "/ctl/fault":
                self.faults.clear()
            case "POST", "/ctl/settings":
                self.settings.update(await request.json())
            case _:
                return JSONResponse({"error": "no such control"}, 404)
        return JSONResponse({"ok": True})

    def _due(self, path: str) -> Fault | None:
        for fault in self.faults:
            if path.startswith(fault.path):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.faults.remove(fault)
                return fault
        return None


def _row(request: Request) -> dict[str, Any]:
    raw = request.scope.get("raw_path") or request.url.path.encode()
    return {
        "method": request.method,
        "path": raw.decode("latin-1"),
        "query": request.url.query,
        "authorization": request.headers.get("authorization"),
        "user_agent": request.headers.get("user-agent"),
        "if_none_match": request.headers.get("if-none-match"),
        "retry": request.headers.get("x-stainless-retry-count"),
        "headers": dict(request.headers),
        "at": anyio.current_time(),
    }


async def _misbehave(fault: Fault, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    match fault.mode:
        case "slow":
            with anyio.move_on_after(fault.seconds):
                while (await receive())["type"] != "http.disconnect":
                    pass
                return
            await app(scope, receive, send)
        case "dropped":
            # A promised body that never comes: the server closes the connection.
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
            await send({"type": "http.response.body", "body": b'{"servers": ', "more_body": True})
        case "drip":
            await _drip(fault, receive, send)
        case _:
            await _bad_answer(fault)(scope, receive, send)


def _bad_answer(fault: Fault) -> Response:
    match fault.mode:
        case "html":
            return Response(HTML, fault.status if fault.status != 500 else 200, media_type="text/html")
        case "truncated":
            return Response(b'{"servers": [{"qualifiedName": "ac', 200, media_type="application/json")
        case "garbled":
            return Response(b"\x1f\x8bnot gzip at all", 200, {"content-encoding": "gzip"}, "application/json")
        case "mistyped":
            return Response(json.dumps(fault.body), 200, media_type="text/html")
        case "huge":
            return Response(b'"' + b"x" * HUGE + b'"', 200, media_type="application/json")
        case _:
            body = {"error": "made to fail"} if fault.body is None else fault.body
            content = body if isinstance(body, str) else json.dumps(body)
            return Response(content, fault.status, fault.headers, media_type="application/json")


async def _drip(fault: Fault, receive: Receive, send: Send) -> None:
    """A body that comes byte by byte, each well within a read time-out, until the other side has had enough."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    gone = anyio.Event()

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        gone.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        with anyio.move_on_after(fault.seconds):
            while not gone.is_set():
                await send({"type": "http.response.body", "body": b" ", "more_body": True})
                with anyio.move_on_after(0.05):
                    await gone.wait()
        tasks.cancel_scope.cancel()
