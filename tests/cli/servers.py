"""Real little MCP servers over HTTP for the bridge: the SDK's, and one that answers exactly as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
from mcp.server import MCPServer
from mcp.server.elicitation import AcceptedElicitation
from mcp.server.mcpserver import Context
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.admin.threads import port_of, serving

TOKEN = "the-agents-token"
Json = dict[str, Any]


class Person(BaseModel):
    """What the server asks for."""

    name: str


class Recorder:
    """Stands where the gate stands: checks the token and remembers every request's method, path and headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.requests: list[tuple[str, str, dict[str, str]]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = {name.decode(): value.decode() for name, value in scope["headers"]}
            self.requests.append((scope["method"], scope["path"], headers))
            if headers.get("authorization") != f"Bearer {TOKEN}":
                await Response(status_code=401)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def headers(self, **wanted: str) -> Json:
        """The headers of the newest request that has these."""
        for _, _, headers in reversed(self.requests):
            if all(headers.get(name.replace("_", "-")) == value for name, value in wanted.items()):
                return headers
        raise AssertionError(f"no request with {wanted} in {self.requests}")


def real_server() -> MCPServer:
    """A server of the official SDK that speaks both eras."""
    server: MCPServer = MCPServer("real")

    @server.tool()
    async def echo(text: str) -> str:
        """Say it again."""
        return text

    @server.tool()
    async def slow(ctx: Context) -> str:  # type: ignore[type-arg]
        """Report progress, then answer."""
        for step in (1, 2, 3):
            await ctx.report_progress(step, 3, f"step {step}")
        return "done"

    @server.tool()
    async def asks(ctx: Context) -> str:  # type: ignore[type-arg]
        """Ask the client's user for a name."""
        answer = await ctx.elicit("Who?", Person)
        return answer.data.name if isinstance(answer, AcceptedElicitation) else "nobody"

    @server.tool()
    async def grows(ctx: Context) -> str:  # type: ignore[type-arg]
        """Say, unasked, that the tools have changed."""
        await ctx.session.send_tool_list_changed()
        return "grown"

    @server.tool()
    async def stuck() -> str:
        """Never answer."""
        await anyio.sleep_forever()
        return "never"

    return server


@contextmanager
def running_real_server() -> Iterator[tuple[str, Recorder]]:
    """Serve it; give its URL and what it was asked."""
    recorder = Recorder(real_server().streamable_http_app())
    with serving(recorder, lifespan="auto") as server:
        yield f"http://127.0.0.1:{port_of(server)}", recorder


def json_rpc(request_id: Any, result: Json) -> Json:
    """A JSON-RPC answer."""
    return {"jsonrpc": "2.0", "id": request_id, "result": result}


@dataclass
class Scripted:
    """An endpoint that knows sessions and answers each method as `answers` says; everything it got is in `seen`."""

    answers: dict[str, Response | Json] = field(default_factory=dict)
    seen: list[tuple[str, dict[str, str], Json]] = field(default_factory=list)
    sessions: set[str] = field(default_factory=set)
    deleted: threading.Event = field(default_factory=threading.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        body: Json = json.loads(await request.body() or b"{}")
        method = str(body.get("method", request.method))
        self.seen.append((method, dict(request.headers), body))
        if method == "DELETE":
            self.deleted.set()
            return Response(status_code=200)
        if method == "GET":
            return Response(status_code=405)
        if method == "initialize":
            return self._opened(body)
        if "mcp-session-id" in request.headers and request.headers["mcp-session-id"] not in self.sessions:
            return JSONResponse({"jsonrpc": "2.0", "id": None, "error": {"code": -32001, "message": "no session"}}, 404)
        told = self.answers.get(method)
        if isinstance(told, Response):
            return told
        return JSONResponse(json_rpc(body["id"], told or {})) if "id" in body else Response(status_code=202)

    def _opened(self, body: Json) -> Response:
        session = f"session-{len(self.sessions) + 1}"
        self.sessions.add(session)
        answer = json_rpc(body["id"], {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {}})
        return JSONResponse(answer, headers={"Mcp-Session-Id": session})

    def methods(self) -> list[str]:
        """What was asked, in order."""
        return [method for method, _, _ in self.seen]
