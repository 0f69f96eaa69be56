"""Paths, bodies and callers of the MCP app."""

from __future__ import annotations

import pytest

from gateway.errors import NotRunning
from gateway.model import Caller
from tests.endpoint.fakes import LegacyClient, ModernClient, echo_world


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"{", -32700), (b"[]", -32600), (b'{"jsonrpc":"2.0"}', -32600), (b"[" * 70 + b"]" * 70, -32700),
     (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', -32602)],
)  # fmt: skip
@pytest.mark.parametrize("era", [LegacyClient, ModernClient])
async def test_a_body_that_is_no_message_is_refused(
    era: type[LegacyClient] | type[ModernClient], body: bytes, code: int
) -> None:
    async with echo_world().running() as world:
        http = era(world).http
        answer = await http.post("/mcp", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == code


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_only_json_is_taken(kind: str) -> None:
    async with echo_world().running() as world:
        answer = await world.http().post("/mcp", content=b"{}", headers={"content-type": kind})
        assert answer.status_code == 415


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "HEAD"])
async def test_other_methods_are_refused(method: str) -> None:
    async with echo_world().running() as world:
        answer = await world.http().request(method, "/mcp")
        assert answer.status_code == 405
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", ["/mcp/x", "/mcp/p", "/mcp/p/", "/mcp/p/a/b", "/mcpx"])
async def test_other_paths_are_not_found(path: str) -> None:
    async with echo_world().running() as world:
        assert (await world.http().post(path, json={})).status_code == 404


async def test_a_slash_at_the_end_does_no_harm() -> None:
    async with echo_world().running() as world:
        client = await LegacyClient(world, "/mcp/").open()
        assert "demo__echo" in await client.names()


async def test_a_name_that_is_too_long_is_refused_with_what_to_do() -> None:
    async with echo_world().running() as world:
        answer = await LegacyClient(world, x_mcp_agent="x" * 300).request("ping")
        assert answer.status_code == 400
        assert "shorter" in answer.json()["error"]["message"]


async def test_while_it_drains_new_work_is_turned_away_and_what_belongs_to_old_work_is_not() -> None:
    async with echo_world().running() as world:
        client = await LegacyClient(world).open()
        world.endpoint.drain()
        refused = await client.request("tools/list")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        assert refused.json()["error"]["code"] == "stopping"
        assert (await client.http.get("/mcp", headers={"accept": "text/event-stream"})).status_code == 503
        assert (await client.request("ping")).status_code == 200
        assert (await client.post({"jsonrpc": "2.0", "method": "notifications/cancelled"})).status_code == 202


async def test_while_it_drains_the_command_line_begins_no_call_either() -> None:
    async with echo_world().running() as world:
        world.endpoint.drain()
        with pytest.raises(NotRunning, match="stopping"):
            await world.endpoint.call_for_api("demo__echo", {}, Caller("admin"))
