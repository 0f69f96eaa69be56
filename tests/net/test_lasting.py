"""The transport of conversations that last."""

from __future__ import annotations

import asyncio
import socket

import httpx

from gateway.net.lasting import KEEPALIVE_S, LIMITS, lasting_transport

SERVERS_CLOSE_AFTER_S = 5.0  # uvicorn's and node's default


def test_idle_connections_are_let_go_before_common_servers_close_them() -> None:
    assert KEEPALIVE_S < SERVERS_CLOSE_AFTER_S
    assert LIMITS.max_connections is None


async def test_the_kernel_keeps_watch_over_a_quiet_connection() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with (
        httpx.AsyncClient(transport=lasting_transport()) as http,
        http.stream("GET", f"http://127.0.0.1:{port}/") as response,
    ):
        stream = response.extensions["network_stream"]
        raw = stream.get_extra_info("socket")
        assert raw.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30
    server.close()
