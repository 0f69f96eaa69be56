"""The bridge as a process: between a client on stdio and a real MCP server on HTTP."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.types import ElicitResult
from starlette.responses import PlainTextResponse, Response

from tests.admin.threads import port_of, serving
from tests.cli.bridging import bridge_command, bridge_environment, running_bridge
from tests.cli.servers import TOKEN, Recorder, Scripted, running_real_server
from tests.e2e.harness import free_port

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]

RESEND_WORDS = ("timeout", "connection", "network", "temporary", "unavailable", "500", "502", "503", "504", "retry")
MODERN = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}


@pytest.fixture(name="real")
def _real() -> Iterator[tuple[str, Recorder]]:
    with running_real_server() as server:
        yield server


@pytest.fixture(name="scripted")
def _scripted() -> Iterator[tuple[str, Scripted]]:
    script = Scripted()
    with serving(script) as server:
        yield f"http://127.0.0.1:{port_of(server)}", script


@asynccontextmanager
async def client_of(url: str, mode: Any, **given: Any) -> AsyncIterator[Client]:
    command, *arguments = bridge_command()
    environment = bridge_environment(url, TOKEN, {"MCP_GATEWAY_AGENT": "agent ü", "MCP_GATEWAY_RUN": "r1"})
    parameters = StdioServerParameters(command=command, args=arguments, env=environment)
    async with Client(parameters, mode=mode, read_timeout_seconds=30, **given) as client:
        yield client


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_the_official_client_lists_and_calls_through_it_in_both_eras(
    real: tuple[str, Recorder], mode: str
) -> None:
    url, recorder = real
    async with client_of(url, mode) as client:
        tools = await client.list_tools()
        result = await client.call_tool("echo", {"text": "grüße\n✓"})

    assert {tool.name for tool in tools.tools} >= {"echo", "slow"}
    assert result.content[0].text == "grüße\n✓"  # type: ignore[union-attr]
    assert {headers.get("x-mcp-agent") for _, _, headers in recorder.requests} == {"agent%20%C3%BC"}


async def test_a_modern_call_carries_what_intermediaries_read(real: tuple[str, Recorder]) -> None:
    url, recorder = real
    async with client_of(url, "2026-07-28") as client:
        await client.call_tool("echo", {"text": "x"})

    headers = recorder.headers(mcp_method="tools/call")
    assert (headers["mcp-name"], headers["mcp-protocol-version"]) == ("echo", "2026-07-28")
    assert "mcp-session-id" not in headers


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_progress_arrives_in_order_and_before_the_answer(real: tuple[str, Recorder], mode: str) -> None:
    steps: list[float] = []

    async def heard(progress: float, _total: float | None, _message: str | None) -> None:
        steps.append(progress)

    async with client_of(real[0], mode) as client:
        result = await client.call_tool("slow", {}, progress_callback=heard)

    assert result.content[0].text == "done"  # type: ignore[union-attr]
    assert steps == [1, 2, 3]


async def test_a_question_of_the_server_reaches_the_client_and_comes_back(real: tuple[str, Recorder]) -> None:
    async def reply(_context: Any, _params: Any) -> ElicitResult:
        return ElicitResult(action="accept", content={"name": "Ada"})

    async with client_of(real[0], "legacy", elicitation_callback=reply) as client:
        result = await client.call_tool("asks", {})

    assert result.content[0].text == "Ada"  # type: ignore[union-attr]


async def test_what_the_server_says_by_itself_arrives(real: tuple[str, Recorder]) -> None:
    heard = anyio.Event()

    async def on_message(message: Any) -> None:
        if "list_changed" in str(getattr(message, "method", "")):
            heard.set()

    async with client_of(real[0], "legacy", message_handler=on_message) as client:
        with anyio.fail_after(20):
            while "GET" not in {method for method, _, _ in real[1].requests}:
                await anyio.sleep(0.01)
            while not heard.is_set():
                await client.call_tool("grows", {})
                with anyio.move_on_after(0.2):
                    await heard.wait()

    assert heard.is_set()


async def test_many_requests_are_open_at_once(real: tuple[str, Recorder]) -> None:
    async with client_of(real[0], "legacy") as client, anyio.create_task_group() as tasks:
        tasks.start_soon(client.call_tool, "stuck", {})
        answers = [(await client.call_tool("echo", {"text": str(n)})).content[0].text for n in range(5)]  # type: ignore[union-attr]
        tasks.cancel_scope.cancel()

    assert answers == ["0", "1", "2", "3", "4"]


def test_the_session_is_carried_and_ended(scripted: tuple[str, Scripted]) -> None:
    url, script = scripted
    with running_bridge(bridge_environment(url, TOKEN)) as bridge:
        bridge.open()
        bridge.ask(1, "tools/list")
        status = bridge.close()

    assert (status, script.deleted.is_set()) == (0, True)
    assert script.methods()[:2] == ["initialize", "notifications/initialized"]
    for method, headers, _ in script.seen[1:]:
        assert (headers["mcp-session-id"], headers["mcp-protocol-version"]) == ("session-1", "2025-11-25"), method
    assert "mcp-session-id" not in script.seen[0][1]


def test_a_session_that_the_gateway_forgot_is_opened_anew_unseen(scripted: tuple[str, Scripted]) -> None:
    url, script = scripted
    script.answers["tools/list"] = {"tools": []}
    with running_bridge(bridge_environment(url, TOKEN)) as bridge:
        bridge.open()
        bridge.ask(1, "ping")
        script.sessions.remove("session-1")
        script.sessions.add("another")
        answer = bridge.ask(2, "tools/list")

    assert answer["result"] == {"tools": []}
    assert script.methods().count("initialize") == 2


def test_a_profile_is_asked_for_by_its_path() -> None:
    recorder = Recorder(PlainTextResponse("x", 404))
    with serving(recorder) as server:
        environment = bridge_environment(
            f"http://127.0.0.1:{port_of(server)}/mcp", TOKEN, {"MCP_GATEWAY_PROFILE": "small"}
        )
        with running_bridge(environment) as bridge:
            answer = bridge.ask(1, "ping")

    assert {path for _, path, _ in recorder.requests} == {"/mcp/p/small"}
    assert "error" in answer


def test_a_wrong_token_is_an_error_that_says_so(real: tuple[str, Recorder]) -> None:
    with running_bridge(bridge_environment(real[0], "wrong")) as bridge:
        answer = bridge.ask("a", "ping")

    assert "MCP_GATEWAY_TOKEN" in answer["error"]["message"]


@pytest.mark.parametrize(
    ("line", "code"), [(b"{nonsense", -32700), (b"[1]", -32600), (b"[" * 100_000, -32700), (b"\xff\xfe", -32700)]
)
def test_a_line_that_is_no_message_is_answered_and_the_next_one_works(
    scripted: tuple[str, Scripted], line: bytes, code: int
) -> None:
    with running_bridge(bridge_environment(scripted[0], TOKEN)) as bridge:
        bridge.send(line, b"")
        refused = bridge.next()
        answer = bridge.ask(1, "ping")

    assert (refused["error"]["code"], refused["id"]) == (code, None)
    assert answer["result"] == {}


def test_a_refusal_of_the_server_gets_the_id_of_its_request(scripted: tuple[str, Scripted]) -> None:
    url, script = scripted
    body = json.dumps({"jsonrpc": "2.0", "id": "server-error", "error": {"code": -32602, "message": "no such tool"}})
    script.answers["tools/call"] = Response(body, 400)
    with running_bridge(bridge_environment(url, TOKEN)) as bridge:
        answer = bridge.ask(7, "tools/call", name="x")

    assert answer == {"jsonrpc": "2.0", "id": 7, "error": {"code": -32602, "message": "no such tool"}}


@pytest.mark.parametrize("told", [Response(status_code=502), Response("<html>", 400), Response(b"", 200)])
def test_an_answer_that_is_none_becomes_an_error_without_the_words_on_which_calls_are_sent_again(
    scripted: tuple[str, Scripted], told: Response
) -> None:
    url, script = scripted
    script.answers["tools/call"] = told
    with running_bridge(bridge_environment(url, TOKEN)) as bridge:
        message = bridge.ask(1, "tools/call", name="x")["error"]["message"]

    assert [word for word in RESEND_WORDS if word in message.lower()] == []


def test_a_gateway_that_ended_is_an_error_and_one_that_came_back_answers() -> None:
    port, script = free_port(), Scripted()
    environment = bridge_environment(f"http://127.0.0.1:{port}", TOKEN)
    with contextlib.ExitStack() as stack:
        with serving(script, port):
            bridge = stack.enter_context(running_bridge(environment))
            bridge.open()
        gone = bridge.ask(1, "tools/call", name="x")
        with serving(script, port):
            back = bridge.ask(2, "ping")

    assert [word for word in RESEND_WORDS if word in gone["error"]["message"].lower()] == []
    assert "was not carried out" in gone["error"]["message"]
    assert back["result"] == {}
    assert script.methods().count("initialize") == 1


def test_a_request_waits_for_a_gateway_that_is_being_restarted() -> None:
    port, script = free_port(), Scripted()
    with contextlib.ExitStack() as stack:
        with serving(script, port):
            bridge = stack.enter_context(running_bridge(bridge_environment(f"http://127.0.0.1:{port}", TOKEN)))
            bridge.open()
        bridge.send({"jsonrpc": "2.0", "id": 1, "method": "ping"})
        with serving(script, port):
            answer = bridge.next()

    assert answer == {"jsonrpc": "2.0", "id": 1, "result": {}}


def test_a_gateway_that_dies_during_a_call_leaves_nobody_waiting(scripted: tuple[str, Scripted]) -> None:
    url, script = scripted
    script.answers["tools/call"] = CutShort()
    with running_bridge(bridge_environment(url, TOKEN)) as bridge:
        answer = bridge.ask(1, "tools/call", name="x")

    assert "not known" in answer["error"]["message"]


class CutShort(Response):
    """Begins a stream of events and breaks off."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/event-stream"), (b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"data: {}\n\n", "more_body": True})
        raise ConnectionResetError


def test_a_modern_request_is_cancelled_by_closing_its_connection(scripted: tuple[str, Scripted]) -> None:
    url, script = scripted
    hanging = Hanging()
    script.answers["tools/call"] = hanging
    with running_bridge(bridge_environment(url, TOKEN)) as bridge:
        call = {"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": {"name": "x", "_meta": MODERN}}
        bridge.send(call)
        assert hanging.begun.wait(20)
        bridge.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 5}})
        assert hanging.left.wait(20)
        answer = bridge.ask(6, "ping")

    assert answer["id"] == 6
    assert "notifications/cancelled" not in script.methods()


class Hanging(Response):
    """Never answers; tells when it was asked and when the asker left."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()
        self.left = threading.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.begun.set()
        while (await receive())["type"] != "http.disconnect":
            continue
        self.left.set()


def test_no_gateway_is_one_line_and_exit_status_3(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MCP_")}
    done = subprocess.run(
        bridge_command("--state-dir", str(tmp_path)),
        check=False,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stdout) == (3, "")
    assert len(done.stderr.splitlines()) == 1
    assert "mcp-gateway serve" in done.stderr


def test_it_imports_nothing_heavy() -> None:
    done = subprocess.run(
        [*bridge_command()[:1], "-X", "importtime", *bridge_command()[1:]],
        env=bridge_environment("http://127.0.0.1:9", TOKEN), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time")}

    assert "gateway.cli.relay.relay" in imported
    assert imported & {"mcp", "httpx", "msgspec", "anyio", "rich", "sqlalchemy", "starlette", "numpy", "torch"} == set()
