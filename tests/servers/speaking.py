"""The little that all the test servers share: JSON lines on stdio, both eras, standard library only. Not an SDK."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

MODERN = "2026-07-28"
LEGACY = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
TEXT_IN = {"type": "object", "properties": {"text": {"type": "string"}}}

Json = dict[str, Any]
Call = Callable[[Json, Json], Json | None]
"""(arguments, request) -> result, or None when the tool answered (or will not answer) by itself."""


def write(line: bytes) -> None:
    """Put bytes on stdout as they are."""
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def send(message: Json) -> None:
    """Send one message."""
    write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")


def notify(method: str, params: Json) -> None:
    """Send a notification."""
    send({"method": method, "params": params})


def text(words: str, *, is_error: bool = False) -> Json:
    """A result with one text item."""
    return {"content": [{"type": "text", "text": words}], **({"isError": True} if is_error else {})}


def tool(name: str, description: str = "A tool.", schema: Json | None = None, **more: Any) -> Json:
    """A tool's definition."""
    return {"name": name, "description": description, "inputSchema": schema or TEXT_IN, **more}


class Server:
    """Reads requests and answers them, one at a time."""

    def __init__(self, name: str, *, modern: bool = False, instructions: str = "", page: int = 0) -> None:
        self.name = name
        self.modern = modern
        self.instructions = instructions
        self.page = page
        self.tools: dict[str, tuple[Json, Call]] = {}
        self.on_initialized: Callable[[], None] = lambda: None
        self.on_notification: Callable[[str, Json], None] = lambda method, params: None

    def add(self, definition: Json, call: Call) -> None:
        """Offer a tool."""
        self.tools[definition["name"]] = (definition, call)

    def run(self) -> None:
        """Serve until stdin ends."""
        for line in sys.stdin.buffer:
            self.receive(json.loads(line))

    def receive(self, message: Json) -> None:
        """Take one message."""
        method, params = message.get("method"), message.get("params") or {}
        if method is None:
            return
        if "id" not in message:
            if method == "notifications/initialized":
                self.on_initialized()
            self.on_notification(method, params)
            return
        result = self.answer(method, params, message)
        if result is not None:
            send({"id": message["id"], **result})

    def answer(self, method: str, params: Json, message: Json) -> Json | None:
        """Return {"result": ...} or {"error": ...}, or None for no answer at all."""
        if method == "tools/call":
            return self.call(params, message)
        if method == "initialize":
            asked = params.get("protocolVersion")
            return {"result": self.hello(protocolVersion=asked if asked in LEGACY else LEGACY[0])}
        if method == "server/discover" and self.modern:
            return {
                "result": self.hello(supportedVersions=[MODERN], resultType="complete", ttlMs=0, cacheScope="public")
            }
        if method == "ping":
            return {"result": {}}
        if method == "tools/list":
            return {"result": self.listing(params)}
        return {"error": {"code": -32601, "message": f"no method {method}"}}

    def hello(self, **more: Any) -> Json:
        """What both eras say of the server."""
        return {
            "capabilities": {"tools": {"listChanged": True}},
            "serverInfo": {"name": self.name, "title": self.name.title(), "version": "1.0"},
            **({"instructions": self.instructions} if self.instructions else {}),
            **more,
        }

    def listing(self, params: Json) -> Json:
        """One page of tools."""
        every = [definition for definition, _ in self.tools.values()]
        if not self.page:
            return {"tools": every}
        begin = int(params.get("cursor", "0"))
        rest = {"nextCursor": str(begin + self.page)} if begin + self.page < len(every) else {}
        return {"tools": every[begin : begin + self.page], **rest}

    def call(self, params: Json, message: Json) -> Json | None:
        """Call a tool."""
        found = self.tools.get(params.get("name", ""))
        if found is None:
            return {"error": {"code": -32602, "message": f"unknown tool {params.get('name')}", "data": {"asked": 1}}}
        result = found[1](params.get("arguments") or {}, message)
        return None if result is None else {"result": result}
