"""The endpoint as clients of both eras see it, in one process."""

from __future__ import annotations

import json

import anyio
import pytest

from gateway.config.tools import ProfileSection, ToolsSection
from gateway.endpoint.settings import EndpointConfig
from gateway.errors import UnknownTool, UsageError
from gateway.model import Caller, ServerName
from tests.endpoint.fakes import LegacyClient, ModernClient, Stream, World, echo_world, text, tool


async def test_a_legacy_client_shakes_hands_lists_and_calls() -> None:
    async with echo_world().running() as world:
        client = await LegacyClient(world).open()
        assert "demo__echo" in await client.names()
        answer = await client.call("demo__echo", {"text": "hi"})
        assert answer["result"]["content"] == [{"type": "text", "text": "hello"}]


async def test_a_modern_client_lists_and_calls_without_shaking_hands() -> None:
    async with echo_world().running() as world:
        client = ModernClient(world)
        listed = await client.listing()
        assert "demo__echo" in [each["name"] for each in listed["tools"]]
        assert listed["resultType"] == "complete"
        assert listed["cacheScope"] == "private"
        assert (await client.call("demo__echo"))["result"]["content"] == [{"type": "text", "text": "hello"}]


async def test_the_handshake_tells_our_own_name_and_that_tools_change() -> None:
    async with echo_world().running() as world:
        params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
        result = (await LegacyClient(world).request("initialize", params)).json()["result"]
        assert result["serverInfo"]["name"] == "mcp-gateway"
        assert result["serverInfo"]["version"] == "1.2.3"
        assert result["protocolVersion"] == "2025-06-18"
        assert result["capabilities"]["tools"] == {"listChanged": True}
        assert "gateway__find_tools" in result["instructions"]


async def test_discover_names_the_modern_revision_and_how_long_that_holds() -> None:
    async with echo_world().running() as world:
        result = (await ModernClient(world).request("server/discover")).json()["result"]
        assert result["supportedVersions"] == ["2026-07-28"]
        assert result["capabilities"]["tools"] == {"listChanged": True}
        assert result["ttlMs"] > 0
        assert result["cacheScope"] == "private"


async def test_ping_is_answered_here() -> None:
    async with echo_world().running() as world:
        client = await LegacyClient(world).open()
        assert (await client.request("ping")).json()["result"] == {}


async def test_a_plain_call_is_answered_as_json() -> None:
    async with echo_world().running() as world:
        client = await LegacyClient(world).open()
        answer = await client.request("tools/call", {"name": "demo__echo"})
        assert answer.headers["content-type"] == "application/json"
        assert int(answer.headers["content-length"]) == len(answer.content)


async def test_tools_are_listed_from_memory_when_every_child_is_down() -> None:
    world = World()
    world.serve("demo", tool("demo", "echo"))
    async with world.running():
        client = await LegacyClient(world).open()
        assert "demo__echo" in await client.names()
        result = (await client.call("demo__echo"))["result"]
        assert result["isError"] is True
        assert result["_meta"]["gateway/error"] == {"code": "not_ready", "server": "demo", "retry_after_s": 4.0}


async def test_tools_are_listed_in_their_own_order_when_the_policy_is_broken() -> None:
    world = echo_world()
    world.chooser.broken = True
    async with world.running():
        assert "demo__echo" in await (await LegacyClient(world).open()).names()
        assert (
            "demo__echo"
            in (await (await LegacyClient(world).open()).call("gateway__find_tools", {"query": "x"}))["result"][
                "content"
            ][0]["text"]
        )


async def test_everything_stands_on_the_first_page_and_a_cursor_is_refused() -> None:
    world = World(EndpointConfig(tools=ToolsSection(mode="all", builtins=False)))
    world.serve("demo", *[tool("demo", f"t{number:03}") for number in range(300)])
    async with world.running():
        client = await LegacyClient(world).open()
        result = (await client.request("tools/list")).json()["result"]
        assert len(result["tools"]) == 300
        assert "nextCursor" not in result
        assert (await client.request("tools/list", {"cursor": "2"})).json()["error"]["code"] == -32602


async def test_an_unlisted_tool_may_be_called_by_its_name() -> None:
    world = World(EndpointConfig(tools=ToolsSection(max_listed=5, builtins=False)))
    world.upstreams.start("demo", **{f"t{number}": text(str(number)) for number in range(9)})
    world.serve("demo", *[tool("demo", f"t{number}") for number in range(9)])
    async with world.running():
        client = await LegacyClient(world).open()
        names = await client.names()
        assert len(names) == 5
        unlisted = next(f"demo__t{number}" for number in range(9) if f"demo__t{number}" not in names)
        assert "isError" not in (await client.call(unlisted))["result"]


async def test_a_profile_shows_and_calls_its_own_tools_only() -> None:
    profile = ProfileSection(name="small", servers=("demo",), builtins=False)
    world = echo_world(EndpointConfig(profiles=(profile,)))
    world.serve("other", tool("other", "secret"))
    async with world.running():
        client = await LegacyClient(world, "/mcp/p/small").open()
        assert await client.names() == ["demo__echo"]
        assert (await client.call("other__secret"))["error"]["code"] == -32602


async def test_an_unknown_profile_is_not_found() -> None:
    async with echo_world().running() as world:
        answer = await LegacyClient(world, "/mcp/p/nosuch").request("ping")
        assert answer.status_code == 404


async def test_legacy_listeners_hear_that_the_tools_changed() -> None:
    async with echo_world().running() as world:
        client = await LegacyClient(world).open()
        headers = {"mcp_session_id": client.session, "mcp_protocol_version": "2025-11-25"}
        stream = Stream(world.app, None, **headers)
        stream._scope["method"] = "GET"
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stream.run)
            while not stream.status:
                await stream.grew.wait()
            await client.request("ping")
            world.serve("more", tool("more", "x"))
            with anyio.fail_after(10):
                await stream.until(b"notifications/tools/list_changed")
            tasks.cancel_scope.cancel()
        assert "more__x" in await client.names()


async def test_modern_listeners_hear_that_the_tools_changed() -> None:
    async with echo_world().running() as world:
        meta = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        params = {"notifications": {"toolsListChanged": True}, "_meta": meta}
        body = {"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": params}
        stream = Stream(world.app, body, mcp_protocol_version="2026-07-28", mcp_method="subscriptions/listen")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stream.run)
            with anyio.fail_after(10):
                await stream.until(b"notifications/subscriptions/acknowledged")
                world.serve("more", tool("more", "x"))
                await stream.until(b"notifications/tools/list_changed")
            stream.leave()


async def test_the_same_tools_again_change_nothing() -> None:
    world = echo_world()
    version, told = world.endpoint.toolset.version, len(world.chooser.versions)
    world.serve("demo", tool("demo", "echo"))
    assert world.endpoint.toolset.version == version
    assert len(world.chooser.versions) == told


async def test_the_policy_is_told_the_tools() -> None:
    world = echo_world()
    assert [card.id for card in world.chooser.cards] == ["demo__echo"]
    assert world.chooser.versions[-1] == world.endpoint.toolset.version


async def test_a_changed_configuration_ends_the_lists_in_force() -> None:
    async with echo_world().running() as world:
        client = await LegacyClient(world).open()
        assert "gateway__find_tools" in await client.names()
        world.endpoint.set_config(EndpointConfig(tools=ToolsSection(builtins=False)))
        assert await client.names() == ["demo__echo"]


async def test_names_that_poison_massgen_never_reach_a_list() -> None:
    world = World(EndpointConfig(tools=ToolsSection(mode="all")))
    poison = ["status", "Health", "a/b", "a:b", "x" * 120, "mcp__x__y", "_under_", "dot.name", "with space", ""]
    world.serve("demo", *[tool("demo", name) for name in poison], prefix="")
    async with world.running():
        names = await (await LegacyClient(world).open()).names()
        assert len(names) == len(poison) + 3
        for name in names:
            assert len(name) <= 50
            assert name.replace("_", "").replace("-", "").isalnum()
            assert name.strip("_-") == name
            assert name.lower() not in {"status", "health"}
            assert not name.startswith("mcp__")


async def test_the_api_calls_a_tool_and_the_ledger_says_so() -> None:
    world = echo_world()
    result = await world.endpoint.call_for_api("demo__echo", {"a": 1}, Caller("admin"))
    assert result["content"] == [{"type": "text", "text": "hello"}]
    assert world.calls[-1].via == "api"


async def test_the_api_hears_of_unknown_tools_and_profiles() -> None:
    world = echo_world()
    with pytest.raises(UnknownTool):
        await world.endpoint.call_for_api("demo__ecko", {}, Caller("admin"))
    with pytest.raises(UsageError):
        await world.endpoint.call_for_api("demo__echo", {}, Caller("admin", profile="nosuch"))


async def test_arguments_that_are_no_json_are_refused_and_no_tool_is_blamed() -> None:
    world = echo_world()
    for arguments in ({"a": float("nan")}, {"a": "\ud800"}):
        with pytest.raises(UsageError):
            await world.endpoint.call_for_api("demo__echo", arguments, Caller("admin"))
    assert world.calls == []


async def test_before_it_runs_the_endpoint_says_so() -> None:
    world = echo_world()
    assert (await LegacyClient(world).request("ping")).status_code == 503


async def test_a_server_that_is_gone_takes_its_tools_along() -> None:
    async with echo_world().running() as world:
        client = await LegacyClient(world).open()
        del world.servers[ServerName("demo")]
        world.endpoint.set_tools(world.servers)
        assert "demo__echo" not in await client.names()
        assert json.dumps(await client.call("demo__echo")).count("-32602") == 1
