"""What a hostile or broken remote server can make us do: nothing without a bound."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio
import httpx
import pytest
from msgspec.structs import replace

from gateway.errors import AnswerTooLarge, ChildGone, HandshakeFailed
from gateway.model import CallPolicy, HealthPolicy, RemoteLaunch, ServerName
from gateway.net.guard import GuardedTransport
from gateway.net.lasting import lasting_transport
from gateway.protocol.framing import LINE_CAP
from gateway.supervisor.supervisor import Supervisor
from gateway.supervisor.talking.remote import RemoteConnection
from tests.servers.fault_proxy import fault_proxy
from tests.supervisor.running import call, remote_spec, supervised
from tests.supervisor.talking.remotes import Remotes, told, until_up

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]

QUIET = HealthPolicy(interval_sec=60)


@contextmanager
def rude(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that reads one request of each connection and then does what it likes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(65536)
                    answer(connection)
                except OSError:
                    pass

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


async def opened(url: str) -> RemoteConnection:
    connection = RemoteConnection(
        ServerName("rude"), RemoteLaunch(url), {}, version="1", on_told=lambda *_: None, transport=None,
        start_timeout_s=5.0,
    )  # fmt: skip
    try:
        await connection.open()
    finally:
        await connection.close(grace_s=0.1)
    return connection


async def test_a_flood_of_headers_ends_soon() -> None:
    sent = 0

    def flood(connection: socket.socket) -> None:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            sent += connection.send(b"X-More: " + b"x" * 8000 + b"\r\n")

    with rude(flood) as url, pytest.raises(ChildGone, match="the connection broke"):
        await opened(url)
    assert sent < 16 * 1024 * 1024


async def test_a_redirect_is_not_followed_however_often() -> None:
    seen = 0

    def redirect(connection: socket.socket) -> None:
        nonlocal seen
        seen += 1
        place = b"http://127.0.0.1:1/elsewhere"
        connection.sendall(b"HTTP/1.1 307 Go\r\nLocation: " + place + b"\r\nContent-Length: 0\r\n\r\n")

    with rude(redirect) as url, pytest.raises(HandshakeFailed, match=r"HTTP 307 \(a redirect: correct its URL\)"):
        await opened(url)
    assert seen == 2  # the probe, and initialize


async def test_an_event_over_the_cap_is_too_large_and_the_next_call_works(remote: Remotes) -> None:
    port = remote("--answer", "sse")
    async with supervised(remote_spec("r", port, health=QUIET)) as (supervisor, heard):
        await heard.state("r", "ready")
        with pytest.raises(AnswerTooLarge):
            await call(supervisor, "r", "big", bytes=LINE_CAP + 10)
        assert await call(supervisor, "r", "echo", text="on") == "on"


async def test_a_hanging_server_takes_one_connection_per_call_and_none_of_anybody_else(remote: Remotes) -> None:
    port, other = remote(), remote()
    await until_up(port)
    with fault_proxy(port) as proxy:
        hanging = remote_spec("r", proxy.port, health=QUIET, call=CallPolicy(max_in_flight=64))
        async with supervised(hanging, remote_spec("other", other)) as (supervisor, heard):
            await heard.state("r", "ready")
            await heard.state("other", "ready")
            async with anyio.create_task_group() as tasks:
                for _ in range(64):
                    tasks.start_soon(_hang, supervisor)
                with anyio.fail_after(30):
                    while (await told(port))["executed"].get("hangs", 0) < 64:
                        await anyio.sleep(0.05)
                assert 64 <= proxy.open_connections <= 64 + 8
                for number in range(20):
                    assert await call(supervisor, "other", "echo", text=str(number)) == str(number)
                tasks.cancel_scope.cancel()


async def _hang(supervisor: Supervisor) -> None:
    await call(supervisor, "r", "sleep", seconds=3600, text="hangs")


class Here(httpx.AsyncBaseTransport):
    """Takes every checked address for this machine, and notes it."""

    def __init__(self, port: int, dialled: list[str]) -> None:
        self.inner, self.port, self.dialled = lasting_transport(), port, dialled

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.dialled.append(request.url.host)
        here = request.url.copy_with(scheme="http", host="127.0.0.1", port=self.port)
        moved = httpx.Request(request.method, here, headers=request.headers, stream=request.stream)
        return await self.inner.handle_async_request(moved)

    async def aclose(self) -> None:
        await self.inner.aclose()


async def test_a_name_that_leads_elsewhere_now_is_followed(remote: Remotes) -> None:
    port = remote()
    await until_up(port)
    address = ["93.184.215.14"]
    dialled: list[str] = []

    async def resolver(_host: str, _port: int) -> list[str]:
        return list(address)

    def guarded() -> GuardedTransport:
        return GuardedTransport(resolver=resolver, make_inner=lambda: Here(port, dialled))

    spec = replace(remote_spec("r", port, health=QUIET), launch=RemoteLaunch("https://far.example/mcp"))
    async with supervised(spec, remote_transport=guarded) as (supervisor, heard):
        await heard.state("r", "ready")
        assert set(dialled) == {"93.184.215.14"}
        address[0] = "93.184.215.15"
        await call(supervisor, "r", "echo")
        assert dialled[-1] == "93.184.215.15"
        address[0] = "10.0.0.1"  # a name that leads inside is refused, also in mid-life
        with pytest.raises(ChildGone, match="trusted_origins") as caught:
            await call(supervisor, "r", "echo")
        assert caught.value.ran is False
        failed = await heard.state("r", "failed")
        assert "10.0.0.1" in failed.reason
