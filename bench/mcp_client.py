"""A small MCP client on raw sockets for the benchmarks: one connection, one session, nothing typed, nothing pooled.

Not for anything else: it checks that answers are right, but forgives no server anything.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

Json = dict[str, Any]
REVISION = "2025-11-25"
PATIENCE_S = 60.0


class WrongAnswerError(Exception):
    """A server answered with something else than it was asked for: its figures would mean nothing."""


class Client:
    """One session of the 2025-11-25 era over one kept-open connection."""

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        parts = urlsplit(url)
        self._host, self._port, self._path = parts.hostname or "", parts.port or 80, parts.path
        self._extra = dict(headers or {})
        self._session = ""
        self._last_id = 0
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def __aenter__(self) -> Client:
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        await self.begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._send("DELETE", b"")
        self._writer.close()
        await self._writer.wait_closed()

    async def begin(self) -> None:
        """Open a session, as every agent does in every round."""
        self._session = ""
        info = {"name": "bench", "version": "1"}
        params = {"protocolVersion": REVISION, "capabilities": {}, "clientInfo": info}
        headers, _ = await self._ask("initialize", params)
        self._session = headers["mcp-session-id"]
        await self._send("POST", b'{"jsonrpc":"2.0","method":"notifications/initialized"}')

    async def tools(self) -> list[Json]:
        """`tools/list`."""
        _, result = await self._ask("tools/list", {})
        return list(result["tools"])

    async def echo(self, tool: str, text: str) -> None:
        """Call a tool that says back its text. Raises: WrongAnswerError when it does not."""
        _, result = await self._ask("tools/call", {"name": tool, "arguments": {"text": text}})
        if result.get("isError") or result["content"] != [{"type": "text", "text": text}]:
            raise WrongAnswerError(f"{tool} was told {text!r} and answered {result}")

    async def _ask(self, method: str, params: Json) -> tuple[dict[str, str], Json]:
        self._last_id += 1
        request = {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params}
        status, headers, body = await self._send("POST", json.dumps(request).encode())
        if status != 200:
            raise WrongAnswerError(f"{method}: HTTP {status}: {body[:300]!r}")
        answer = _message(headers, body)
        if answer.get("id") != self._last_id or "result" not in answer:
            raise WrongAnswerError(f"{method}: {str(answer)[:300]}")
        return headers, answer["result"]

    async def _send(self, method: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        headers = {
            "Host": f"{self._host}:{self._port}",
            "Accept": "application/json, text/event-stream",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "MCP-Protocol-Version": REVISION,
            **({"Mcp-Session-Id": self._session} if self._session else {}),
            **self._extra,
        }
        lines = [f"{method} {self._path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        self._writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        async with asyncio.timeout(PATIENCE_S):
            return await self._receive()

    async def _receive(self) -> tuple[int, dict[str, str], bytes]:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        if headers.get("transfer-encoding") == "chunked":
            return int(head[0].split()[1]), headers, await self._chunks()
        return int(head[0].split()[1]), headers, await self._reader.readexactly(int(headers.get("content-length", 0)))

    async def _chunks(self) -> bytes:
        body = bytearray()
        while size := int(await self._reader.readline(), 16):
            body += await self._reader.readexactly(size)
            await self._reader.readexactly(2)
        await self._reader.readexactly(2)
        return bytes(body)


def _message(headers: dict[str, str], body: bytes) -> Json:
    """The answer, be it JSON or the last message of an event stream."""
    if headers.get("content-type", "").startswith("text/event-stream"):
        body = [line[5:] for line in body.splitlines() if line.startswith(b"data:") and line[5:].strip()][-1]
    return dict(json.loads(body))
