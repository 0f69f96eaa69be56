from __future__ import annotations

import anyio
import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from gateway.daemon.http import HttpServer, Router, listen
from gateway.errors import GatewayError


async def ask(path: str) -> httpx.Response:
    router = Router({"/mcp": PlainTextResponse("mcp"), "/mcp/p": PlainTextResponse("profile")})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(router), base_url="http://gateway") as client:
        return await client.get(path)


async def test_the_longest_prefix_wins() -> None:
    assert (await ask("/mcp/p/small")).text == "profile"
    assert (await ask("/mcp")).text == "mcp"


async def test_a_prefix_ends_at_a_slash() -> None:
    assert (await ask("/mcpx")).status_code == 404


async def test_the_root_leads_to_the_dashboard() -> None:
    assert (await ask("/")).headers["location"] == "/ui"


async def test_an_unknown_path_says_where_to_look() -> None:
    assert "/mcp" in (await ask("/nowhere")).json()["error"]["fix"]


def test_a_taken_port_is_a_clear_error() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(GatewayError) as caught:
        listen("127.0.0.1", taken.getsockname()[1])
    assert "--port" in caught.value.fix


def test_an_address_that_is_not_ours_is_a_clear_error() -> None:
    with pytest.raises(GatewayError) as caught:
        listen("192.0.2.1", 0)
    assert "--host" in caught.value.fix


class Slow:
    """An app whose answers wait for the test."""

    def __init__(self) -> None:
        self.asked, self.go = anyio.Event(), anyio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.set()
        await self.go.wait()
        await PlainTextResponse("done")(scope, receive, send)


@pytest.mark.process
async def test_a_request_in_flight_is_answered_after_the_door_was_closed() -> None:
    app = Slow()
    answers: list[str] = []
    with listen("127.0.0.1", 0) as sock:
        server, url = HttpServer(app, sock), f"http://127.0.0.1:{sock.getsockname()[1]}/"

        async def ask() -> None:
            async with httpx.AsyncClient(trust_env=False) as client:
                answers.append((await client.get(url, timeout=20)).text)

        with anyio.fail_after(25):
            async with anyio.create_task_group() as serving:
                await serving.start(server.run_until_stopped)
                serving.start_soon(ask)
                await app.asked.wait()
                server.stop_accepting()
                server.leave()
                app.go.set()
    assert answers == ["done"]


@pytest.mark.process
async def test_behind_a_closed_door_nobody_new_is_let_in_and_who_is_here_is_asked_not_to_come_back() -> None:
    app = Slow()
    app.go.set()
    with listen("127.0.0.1", 0) as sock:
        server, port = HttpServer(app, sock), sock.getsockname()[1]
        with anyio.fail_after(25):
            async with (
                anyio.create_task_group() as serving,
                httpx.AsyncClient(trust_env=False, base_url=f"http://127.0.0.1:{port}") as client,
            ):
                await serving.start(server.run_until_stopped)
                before = await client.get("/")
                server.say_goodbye()
                server.stop_accepting()
                with pytest.raises(OSError, match="connect"):
                    await anyio.connect_tcp("127.0.0.1", port)
                after = await client.get("/")  # on the connection that was open
                server.leave()
    assert "connection" not in before.headers
    assert (after.text, after.headers["connection"]) == ("done", "close")
    assert server.open_requests == 0


@pytest.mark.process
async def test_after_a_goodbye_the_door_is_open_still() -> None:
    app = Slow()
    app.go.set()
    with listen("127.0.0.1", 0) as sock:
        server, url = HttpServer(app, sock), f"http://127.0.0.1:{sock.getsockname()[1]}/"
        with anyio.fail_after(25):
            async with anyio.create_task_group() as serving, httpx.AsyncClient(trust_env=False) as client:
                await serving.start(server.run_until_stopped)
                server.say_goodbye()
                answers = [await client.get(url, timeout=20) for _ in range(2)]
                server.leave()
    assert [(answer.text, answer.headers["connection"]) for answer in answers] == [("done", "close")] * 2


@pytest.mark.process
async def test_a_connection_that_does_not_end_can_be_left_behind() -> None:
    app = Slow()
    with listen("127.0.0.1", 0) as sock:
        server, port = HttpServer(app, sock), sock.getsockname()[1]
        with anyio.fail_after(25):
            async with anyio.create_task_group() as serving:
                await serving.start(server.run_until_stopped)
                async with await anyio.connect_tcp("127.0.0.1", port) as stream:
                    await stream.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                    await app.asked.wait()
                    server.stop_accepting()
                    server.hurry()
                    app.go.set()
    assert server.should_exit
