"""Clients that we did not write list and call tools through the real daemon, in both eras."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from tests.conformance.inspector import inspect
from tests.e2e.harness import Gateway, running_gateway

pytestmark = [
    pytest.mark.process,
    pytest.mark.network,
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("conformance"),
]

ERAS = {"legacy": "2025-11-25", "2026-07-28": "2026-07-28"}
SUMS = {"command": sys.executable, "args": [str(Path(__file__).with_name("sdk_server.py"))]}
AWKWARD = {"command": sys.executable, "args": [str(Path(__file__).parents[1] / "massgen" / "awkward_server.py")]}
EXPECTED = {"sums__add", "sums__divide", "plain__say", "plain__status"}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One daemon with a server made with the SDK and one that speaks plain JSON-RPC of the older era."""
    with running_gateway(tmp_path_factory.mktemp("clients"), servers={"sums": SUMS, "plain": AWKWARD}) as running:
        running.wait_ready("sums", "plain")
        yield running


@asynccontextmanager
async def sdk_client(gateway: Gateway, mode: str) -> AsyncIterator[Client]:
    """The official client with our token."""
    headers = {"Authorization": f"Bearer {gateway.token}", "X-MCP-Agent": "sdk"}
    async with (
        create_mcp_http_client(headers) as http,
        Client(streamable_http_client(gateway.url, http_client=http), mode=mode) as client,
    ):
        yield client


@pytest.mark.parametrize(("mode", "revision"), ERAS.items())
async def test_the_official_client_lists_and_calls(gateway: Gateway, mode: str, revision: str) -> None:
    async with sdk_client(gateway, mode) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        total = await client.call_tool("sums__add", {"a": 2, "b": 40})
        said = await client.call_tool("plain__say", {"text": "hello"})
        assert client.protocol_version == revision
    assert names >= EXPECTED
    assert (total.is_error, total.structured_content) == (False, {"result": 42})
    assert [part.text for part in said.content] == ["say: hello"]


@pytest.mark.parametrize("mode", ERAS)
async def test_a_failing_tool_reaches_the_official_client_as_a_result(gateway: Gateway, mode: str) -> None:
    async with sdk_client(gateway, mode) as client:
        result = await client.call_tool("sums__divide", {"a": 1, "b": 0})
    assert result.is_error
    assert "divide" in result.content[0].text


async def test_the_official_client_negotiates_the_newest_era_by_itself(gateway: Gateway) -> None:
    async with sdk_client(gateway, "auto") as client:
        assert client.protocol_version == "2026-07-28"
        assert {tool.name for tool in (await client.list_tools()).tools} >= EXPECTED


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_the_inspector_lists_and_calls(gateway: Gateway, tmp_path: Path, era: str) -> None:
    headers = {"Authorization": f"Bearer {gateway.token}", "X-MCP-Agent": "inspector"}

    def ask(*arguments: str) -> tuple[int, dict[str, object]]:
        said = inspect(tmp_path, gateway.url, era, *arguments, headers=headers)
        return said.exit_status, said.output["result"]

    status, shaken = ask("--method", "initialize")
    assert (status, shaken["protocolVersion"]) == (0, {"legacy": "2025-11-25", "modern": "2026-07-28"}[era])
    status, listed = ask("--method", "tools/list", "--strict")
    assert (status, {tool["name"] for tool in listed["tools"]} >= EXPECTED) == (0, True)
    status, total = ask("--method", "tools/call", "--tool-name", "sums__add", "--tool-args-json", '{"a": 2, "b": 40}')
    assert (status, total["structuredContent"]) == (0, {"result": 42})


def test_the_inspector_is_told_that_it_lacks_the_token(gateway: Gateway, tmp_path: Path) -> None:
    said = inspect(tmp_path, gateway.url, "legacy", "--method", "tools/list", headers={})
    assert said.exit_status == 3
    assert "auth" in said.output["error"]["code"]
