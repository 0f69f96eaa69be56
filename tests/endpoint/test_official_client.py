"""The official SDK's client against the endpoint on a real socket, in both eras."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
import pytest
import uvicorn
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from gateway.endpoint.connections import PatientProtocol
from gateway.endpoint.ports import OnNotify
from tests.endpoint.fakes import AGENTS, World, text, tool

pytestmark = pytest.mark.process


async def slow(_: dict[str, Any], on_notify: OnNotify | None) -> bytes:
    if on_notify is not None:
        for number in (b"1", b"2", b"3"):
            on_notify("notifications/progress", b'{"progressToken":%b,"progress":%b}' % (TOKENS[-1], number))
    return b'{"content":[{"type":"text","text":"done"}]}'


TOKENS: list[bytes] = []


async def tokened(params: dict[str, Any], on_notify: OnNotify | None) -> bytes:
    TOKENS.append(json.dumps(params["_meta"]["progressToken"]).encode())
    return await slow(params, on_notify)


@asynccontextmanager
async def served(world: World) -> AsyncIterator[str]:
    """The endpoint behind its gate, on uvicorn."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        world.app,
        http=PatientProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        loop="none",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    async with world.running(), anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve, [listener])
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
        finally:
            server.should_exit = True


def demo() -> World:
    world = World()
    world.upstreams.start("demo", echo=text("hello"), slow=tokened)
    world.serve("demo", tool("demo", "echo"), tool("demo", "slow"))
    return world


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28", "auto"])
async def test_the_official_client_lists_and_calls(mode: str) -> None:
    world = demo()
    async with (
        served(world) as url,
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {AGENTS}", "X-MCP-Agent": "official"}) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        names = [each.name for each in (await client.list_tools()).tools]
        assert {"demo__echo", "demo__slow", "gateway__find_tools"} <= set(names)
        result = await client.call_tool("demo__echo", {"x": 1})
        assert result.content[0].text == "hello"  # type: ignore[union-attr]
        assert world.calls[-1].agent == "official"


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_the_official_client_hears_progress_in_order(mode: str) -> None:
    world = demo()
    heard: list[float] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        heard.append(progress)

    async with (
        served(world) as url,
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {AGENTS}"}) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        await client.call_tool("demo__slow", {}, progress_callback=on_progress)
        with anyio.fail_after(5):
            while len(heard) < 3:
                await anyio.lowlevel.checkpoint()
        assert heard == [1.0, 2.0, 3.0]
