"""A real MCP server over Streamable HTTP: `--port P [--era legacy|modern] [--answer json|sse] [--token T]`. No SDK.

POST /ctl changes it while it runs: {"token": "...", "forget": true, "forgets_as": ["400", "words"], "release": "2",
"refuse": {"status": 503, "headers": {...}, "body": "...", "times": 3, "method": "tools/call"}}; it answers with all
that it counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

Json = dict[str, Any]
MODERN = "2026-07-28"
NAMES = ("echo", "headers", "progress", "sleep", "forget", "add_tool", "ask_back", "heard", "cut", "open", "big")
FORGOTTEN = {
    "404": (404, "no such session"),
    "json": (404, '{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}'),
    "400": (
        400,
        '{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: No valid session ID provided"},"id":null}',
    ),
    "uninitialized": (
        400,
        '{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: Server not initialized"},"id":null}',
    ),
    "plain": (400, "Invalid session ID"),
}
"""How servers say that they do not know a session."""


def text(words: str) -> Json:
    """A result with one text item."""
    return {"content": [{"type": "text", "text": words}]}


def frame(message: Json) -> bytes:
    """One server-sent event."""
    return b"event: message\r\ndata: " + json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\r\n\r\n"


@dataclass
class Remote:
    """The server's whole state."""

    era: str = "legacy"
    answer: str = "json"
    token: str = ""
    sessions: set[str] = field(default_factory=set)
    opened: int = 0
    names: list[str] = field(default_factory=lambda: list(NAMES))
    heard: list[str] = field(default_factory=list)
    notices: list[asyncio.Queue[Json]] = field(default_factory=list)
    forgets_as: str = "404"
    never_remembers: bool = False
    refuse: Json = field(default_factory=dict)
    refused: int = 0
    executed: dict[str, int] = field(default_factory=dict)
    cut_off: int = 0
    listens: int = 0
    seen_tokens: dict[str, int] = field(default_factory=dict)

    async def control(self, request: Request) -> Response:
        """All of /ctl."""
        wanted = json.loads(await request.body() or b"{}")
        for key in ("token", "refuse", "forgets_as", "never_remembers"):
            setattr(self, key, wanted.get(key, getattr(self, key)))
        if wanted.get("forget"):
            self.sessions.clear()
        if "release" in wanted:
            self.names.append(f"release_{wanted['release']}")
        if wanted.get("end_notices"):
            for queue in self.notices:
                queue.put_nowait({})
        counts = ("opened", "refused", "executed", "cut_off", "listens", "heard", "seen_tokens")
        return JSONResponse({key: getattr(self, key) for key in counts})

    def refusal(self, method: str) -> Response | None:
        """What was set by /ctl, so many times."""
        wanted = self.refuse
        if not wanted or wanted.get("method", method) != method or wanted.get("times", 1) <= 0:
            return None
        wanted["times"] = wanted.get("times", 1) - 1
        self.refused += 1
        headers = {"content-type": "text/plain", **wanted.get("headers", {})}
        return Response(wanted.get("body", ""), status_code=wanted["status"], headers=headers)

    async def endpoint(self, request: Request) -> Response:
        """All of /mcp."""
        given = request.headers.get("authorization", "")
        self.seen_tokens[given] = self.seen_tokens.get(given, 0) + 1
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            return Response(status_code=401, headers={"www-authenticate": "Bearer"})
        if request.method == "GET":
            return self.stream_of_notices()
        if request.method == "DELETE":
            self.sessions.discard(request.headers.get("mcp-session-id", ""))
            self.heard.append("DELETE")
            return Response(status_code=204)
        return await self.post(request, json.loads(await request.body()))

    def stream_of_notices(self) -> Response:
        """The legacy GET stream."""
        if self.era == "modern":
            return Response(status_code=405)
        queue: asyncio.Queue[Json] = asyncio.Queue()
        self.notices.append(queue)
        self.listens += 1

        async def frames() -> AsyncIterator[bytes]:
            yield b": hello\n\n"
            while message := await queue.get():
                yield frame(message)

        return StreamingResponse(frames(), media_type="text/event-stream")

    async def post(self, request: Request, message: Json) -> Response:
        """One message."""
        method = message.get("method", "answer")
        self.heard.append(method if method != "answer" else json.dumps(message))
        refused = self.refusal(method)
        if refused is not None:
            return refused
        if self.era == "modern":
            return await self.modern(request, message, method)
        if method == "initialize":
            return self.initialize(message)
        if request.headers.get("mcp-session-id") not in self.sessions:
            status, words = FORGOTTEN[self.forgets_as]
            form = "application/json" if words.startswith("{") else "text/plain"
            return Response(words, status_code=status, media_type=form)
        if "id" not in message or method == "answer":
            return Response(status_code=202)
        return await self.respond(request, message, method)

    async def modern(self, request: Request, message: Json, method: str) -> Response:
        """2026-07-28: stateless, headers must match the body."""
        if request.headers.get("mcp-method") != method or request.headers.get("mcp-protocol-version") != MODERN:
            error = {"code": -32020, "message": "header mismatch"}
            return JSONResponse({"jsonrpc": "2.0", "id": message.get("id"), "error": error}, status_code=400)
        if method == "server/discover":
            result = {"supportedVersions": [MODERN], "capabilities": {"tools": {"listChanged": True}}}
            return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "result": result})
        if method == "subscriptions/listen":
            queue: asyncio.Queue[Json] = asyncio.Queue()
            self.notices.append(queue)
            self.listens += 1

            async def frames() -> AsyncIterator[bytes]:
                yield frame({"method": "notifications/subscriptions/acknowledged", "params": {}})
                while heard := await queue.get():
                    yield frame(heard)

            return StreamingResponse(frames(), media_type="text/event-stream")
        return await self.respond(request, message, method)

    def initialize(self, message: Json) -> Response:
        """Open a session."""
        session = uuid.uuid4().hex
        if not self.never_remembers:
            self.sessions.add(session)
        self.opened += 1
        result = {
            "protocolVersion": message["params"]["protocolVersion"],
            "capabilities": {"tools": {"listChanged": True}},
            "serverInfo": {"name": "remote", "version": "1"},
            "instructions": "Far away.",
        }
        answer = {"jsonrpc": "2.0", "id": message["id"], "result": result}
        return JSONResponse(answer, headers={"mcp-session-id": session})

    async def respond(self, request: Request, message: Json, method: str) -> Response:
        """Answer a request in the form that was asked for."""
        frames = self.frames(request, message, method)
        if self.answer == "sse":
            return StreamingResponse(frames, media_type="text/event-stream")
        last = [piece async for piece in frames][-1:]
        body = b"".join(last).partition(b"data: ")[2].strip()
        missing = self.era == "modern" and b'"error"' in body
        return Response(body, media_type="application/json", status_code=404 if missing else 200)

    async def frames(self, request: Request, message: Json, method: str) -> AsyncIterator[bytes]:
        """All that belongs to one request, the answer last."""
        params = message.get("params") or {}
        if method == "tools/list":
            tools = [{"name": n, "description": n, "inputSchema": {"type": "object"}} for n in self.names]
            yield frame({"id": message["id"], "result": {"tools": tools}})
            return
        if method == "ping":
            yield frame({"id": message["id"], "result": {}})
            return
        if method != "tools/call":
            yield frame({"id": message["id"], "error": {"code": -32601, "message": f"no method {method}"}})
            return
        for early in self.before(params):
            yield frame(early)
        if params["name"] == "cut":
            return
        result = await self.call(request, params["name"], params.get("arguments") or {})
        yield frame({"id": message["id"], "result": result})
        if params["name"] == "open":
            await asyncio.sleep(3600)

    def before(self, params: Json) -> list[Json]:
        """What is said before the answer."""
        token = (params.get("_meta") or {}).get("progressToken")
        if params["name"] == "progress":
            told = [{"progressToken": token, "progress": step} for step in (1, 2, 3)]
            return [{"method": "notifications/progress", "params": one} for one in told]
        return [{"id": "q1", "method": "roots/list"}] if params["name"] == "ask_back" else []

    async def sleep(self, seconds: float) -> None:
        """Take long, and notice when nobody waits any more."""
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.cut_off += 1
            raise

    async def call(self, request: Request, name: str, arguments: Json) -> Json:
        """The tools."""
        key = str(arguments.get("text", name))
        self.executed[key] = self.executed.get(key, 0) + 1
        if name == "headers":
            return text(json.dumps(dict(request.headers)))
        if name == "sleep":
            await self.sleep(float(arguments.get("seconds", 1)))
        if name == "big":
            return text("x" * int(arguments["bytes"]))
        if name == "forget":
            self.sessions.clear()
        if name == "heard":
            return text(json.dumps({"heard": self.heard, "opened": self.opened}))
        if name == "add_tool":
            self.names.append(str(arguments["name"]))
            for queue in self.notices:
                queue.put_nowait({"method": "notifications/tools/list_changed"})
        return text(str(arguments.get("text", name)))


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--era", default="legacy")
    parser.add_argument("--answer", default="json")
    parser.add_argument("--token", default="")
    options = parser.parse_args()
    remote = Remote(options.era, options.answer, options.token)
    mcp = Route("/mcp", remote.endpoint, methods=["GET", "POST", "DELETE"])
    app = Starlette(routes=[mcp, Route("/ctl", remote.control, methods=["POST"])])
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="error", timeout_graceful_shutdown=0)


if __name__ == "__main__":
    main()
