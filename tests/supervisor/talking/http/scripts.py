"""A transport that answers by a script, for tests without a network."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx

Answer = Callable[[dict[str, Any]], httpx.Response]
SSE = {"content-type": "text/event-stream"}


class Scripted(httpx.AsyncBaseTransport):
    """Gives each message to `answer`, and notes the requests."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[httpx.Request] = []
        self.messages: list[dict[str, Any]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        message = json.loads(await request.aread() or b"{}")
        self.messages.append(message)
        return self.answer(message)


def result(message: dict[str, Any], value: dict[str, Any], **headers: str) -> httpx.Response:
    """An answer to a request."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return httpx.Response(200, json={"jsonrpc": "2.0", "id": message["id"], "result": value}, headers=named)
