"""The bridge as a process: between a client on stdio and a real MCP server on HTTP."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.types import ElicitResult
from starlette.responses import PlainTextResponse

from tests.admin.threads import port_of, serving
from tests.cli.bridging import bridge_command, bridge_environment, running_bridge
from tests.cli.servers import TOKEN, Recorder, running_real_server

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]


@pytest.fixture(name="real")
def _real() -> Iterator[tuple[str, Recorder]]:
    with running_real_server() as server:
        yield server


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
