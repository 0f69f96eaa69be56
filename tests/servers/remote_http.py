"""A real MCP server over Streamable HTTP: `--port P [--era legacy|modern] [--answer json|sse] [--token T]`. No SDK."""

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
NAMES = ("echo", "headers", "progress", "sleep", "forget", "add_tool", "ask_back", "heard", "cut")


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

    async def endpoint(self, request: Request) -> Response:
        """All of /mcp."""
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

        async def frames() -> AsyncIterator[bytes]:
            yield b": hello\n\n"
            while True:
                yield frame(await queue.get())

        return StreamingResponse(frames(), media_type="text/event-stream")

    async def post(self, request: Request, message: Json) -> Response:
        """One message."""
        method = message.get("method", "answer")
        self.heard.append(method if method != "answer" else json.dumps(message))
        if self.era == "modern":
            return await self.modern(request, message, method)
        if method == "initialize":
            return self.initialize(message)
        if request.headers.get("mcp-session-id") not in self.sessions:
            return Response("no such session", status_code=404 if request.headers.get("mcp-session-id") else 400)
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

            async def frames() -> AsyncIterator[bytes]:
                yield frame({"method": "notifications/subscriptions/acknowledged", "params": {}})
                while True:
                    yield frame(await queue.get())

            return StreamingResponse(frames(), media_type="text/event-stream")
        return await self.respond(request, message, method)

    def initialize(self, message: Json) -> Response:
        """Open a session."""
        session = uuid.uuid4().hex
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
        token = (params.get("_meta") or {}).get("progressToken")
        if params["name"] == "progress":
            for step in (1, 2, 3):
                yield frame({"method": "notifications/progress", "params": {"progressToken": token, "progress": step}})
        if params["name"] == "ask_back":
            yield frame({"id": "q1", "method": "roots/list"})
        if params["name"] == "cut":
            return
        result = await self.call(request, params["name"], params.get("arguments") or {})
        yield frame({"id": message["id"], "result": result})

    async def call(self, request: Request, name: str, arguments: Json) -> Json:
        """The tools."""
        if name == "headers":
            return text(json.dumps(dict(request.headers)))
        if name == "sleep":
            await asyncio.sleep(float(arguments.get("seconds", 1)))
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
    app = Starlette(routes=[Route("/mcp", remote.endpoint, methods=["GET", "POST", "DELETE"])])
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="error", timeout_graceful_shutdown=0)


if __name__ == "__main__":
    main()
