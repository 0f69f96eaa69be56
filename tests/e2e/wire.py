"""A small MCP client on raw JSON over HTTP, both eras: what goes over the wire is what the tests see."""

from __future__ import annotations

import itertools
import json
from typing import Any

import httpx

LEGACY = "2025-11-25"
MODERN = "2026-07-28"


class Legacy:
    """One session of the 2025-11-25 era."""

    def __init__(self, url: str, token: str, *, agent: str = "", run: str = "", session: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"}
        if agent:
            headers["X-MCP-Agent"] = agent
        if run:
            headers["X-MCP-Run"] = run
        self.http = httpx.Client(headers=headers, timeout=60)
        self.url = url
        self.ids = itertools.count(1)
        self.session = session

    def __enter__(self) -> Legacy:
        if self.session is None:
            self.initialize()
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def initialize(self) -> dict[str, Any]:
        """Shake hands and remember the session id."""
        params = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "wire", "version": "1"}}
        answer = self.post({"jsonrpc": "2.0", "id": next(self.ids), "method": "initialize", "params": params})
        answer.raise_for_status()
        self.session = answer.headers["mcp-session-id"]
        self.post({"jsonrpc": "2.0", "method": "notifications/initialized"}).raise_for_status()
        return message(answer)["result"]

    def post(self, body: Any) -> httpx.Response:
        """POST one JSON-RPC message."""
        headers = {"MCP-Protocol-Version": LEGACY, **({"Mcp-Session-Id": self.session} if self.session else {})}
        return self.http.post(self.url, json=body, headers=headers)

    def request(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a request and return the whole JSON-RPC answer."""
        answer = self.post({"jsonrpc": "2.0", "id": next(self.ids), "method": method, "params": params or {}})
        assert answer.status_code == 200, f"{answer.status_code}: {answer.text}"
        return message(answer)

    def tools(self) -> list[dict[str, Any]]:
        """`tools/list`."""
        return list(self.request("tools/list")["result"]["tools"])

    def call(self, name: str, arguments: dict[str, Any] | None = None) -> dict[str, Any]:
        """`tools/call`, its result."""
        answer = self.request("tools/call", {"name": name, "arguments": arguments or {}})
        assert "result" in answer, answer
        return dict(answer["result"])

    def close(self) -> int:
        """DELETE the session; returns the HTTP status."""
        assert self.session is not None
        return self.http.delete(
            self.url, headers={"Mcp-Session-Id": self.session, "MCP-Protocol-Version": LEGACY}
        ).status_code


class Modern:
    """Requests of the 2026-07-28 era: no session, everything in each request."""

    def __init__(self, url: str, token: str, *, agent: str = "", run: str = "") -> None:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"}
        if agent:
            headers["X-MCP-Agent"] = agent
        if run:
            headers["X-MCP-Run"] = run
        self.http = httpx.Client(headers=headers, timeout=60)
        self.url = url
        self.ids = itertools.count(1)

    def __enter__(self) -> Modern:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def request(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a request and return the whole JSON-RPC answer."""
        meta = {
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "wire", "version": "1"},
        }
        body = {"jsonrpc": "2.0", "id": next(self.ids), "method": method, "params": {**(params or {}), "_meta": meta}}
        headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
        if params and "name" in params:
            headers["Mcp-Name"] = params["name"]
        return message(self.http.post(self.url, json=body, headers=headers))

    def tools(self) -> list[dict[str, Any]]:
        """`tools/list`."""
        return list(self.request("tools/list")["result"]["tools"])

    def call(self, name: str, arguments: dict[str, Any] | None = None) -> dict[str, Any]:
        """`tools/call`, its result."""
        answer = self.request("tools/call", {"name": name, "arguments": arguments or {}})
        assert "result" in answer, answer
        return dict(answer["result"])


def message(answer: httpx.Response) -> dict[str, Any]:
    """The JSON-RPC answer in a response, be it JSON or an event stream."""
    if answer.headers.get("content-type", "").startswith("text/event-stream"):
        frames = [
            json.loads(line[5:]) for line in answer.text.splitlines() if line.startswith("data:") and line[5:].strip()
        ]
        return dict(next(frame for frame in reversed(frames) if "id" in frame))
    return dict(answer.json())


def text_of(result: dict[str, Any]) -> str:
    """The text parts of a tool result."""
    return "\n".join(part["text"] for part in result["content"] if part["type"] == "text")
