"""Connections that never send a request, on a real socket."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
import uvicorn
from starlette.responses import PlainTextResponse

from gateway.endpoint.connections import HEADER_BYTES, PatientProtocol

pytestmark = pytest.mark.process


class Impatient(PatientProtocol):
    """The same with little patience."""

    header_deadline_s = 0.2


@asynccontextmanager
async def serving() -> AsyncIterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        PlainTextResponse("here"), http=Impatient, ws="none", lifespan="off", log_config=None, loop="none"
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve, [listener])
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True


async def talk(port: int, *pieces: bytes) -> bytes:
    """Send pieces and read until the server hangs up."""
    heard = b""
    with anyio.fail_after(10):
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            try:
                for piece in pieces:
                    await stream.send(piece)
                while True:
                    heard += await stream.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                return heard


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n", b"GET / HT"])
async def test_who_does_not_finish_the_headers_is_let_go(sent: bytes) -> None:
    async with serving() as port:
        assert await talk(port, *([sent] if sent else [])) == b""


async def test_headers_without_end_are_cut_off() -> None:
    async with serving() as port:
        flood = [b"GET / HTTP/1.1\r\n"] + [b"x-filler: " + b"x" * 8000 + b"\r\n"] * (HEADER_BYTES // 8000 + 40)
        assert b"here" not in await talk(port, *flood)


async def test_a_whole_request_is_answered_and_the_next_one_must_be_whole_too() -> None:
    async with serving() as port:
        heard = await talk(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1\r\nHost")
        assert heard.count(b"here") == 1
