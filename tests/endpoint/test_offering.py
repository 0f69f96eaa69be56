"""Ranked, plain and search lists; decisions per session and per key."""

from __future__ import annotations

import pytest

from gateway.config.tools import ToolsSection
from gateway.endpoint.settings import EndpointConfig
from gateway.model import DecisionKind
from tests.endpoint.fakes import LegacyClient, ModernClient, World, text, tool


def world_of(count: int, **tools: object) -> World:
    world = World(EndpointConfig(tools=ToolsSection(**tools)))  # type: ignore[arg-type]
    world.upstreams.start("demo", **{f"t{number}": text(str(number)) for number in range(count)})
    world.serve("demo", *[tool("demo", f"t{number}") for number in range(count)])
    return world


async def test_a_ranked_list_follows_the_policy() -> None:
    world = world_of(4, builtins=False)
    world.chooser.first = ["demo__t2"]
    async with world.running():
        names = await (await LegacyClient(world, x_mcp_task="find%20it", x_mcp_agent="a").open()).names()
        assert names == ["demo__t2", "demo__t0", "demo__t1", "demo__t3"]
        request = world.chooser.requests[0]
        assert (request.kind, request.query, request.caller.agent, request.round) == (
            DecisionKind.LIST,
            "find it",
            "a",
            1,
        )


async def test_a_list_of_all_tools_is_no_decision() -> None:
    world = world_of(4, mode="all")
    world.chooser.first = ["demo__t2"]
    async with world.running():
        names = await (await LegacyClient(world).open()).names()
        assert names[:4] == [f"demo__t{number}" for number in range(4)]
        assert world.decisions == []


async def test_a_search_list_holds_our_own_tools_and_what_is_always_listed() -> None:
    world = world_of(4, mode="search", always=("demo__t3",))
    async with world.running():
        names = await (await LegacyClient(world).open()).names()
        assert names == ["demo__t3", "gateway__find_tools", "gateway__call_tool", "gateway__rate_tool"]


async def test_a_list_is_trimmed_with_all_that_is_on_it() -> None:
    world = world_of(20, max_listed=10, always=("demo__t19",))
    async with world.running():
        names = await (await LegacyClient(world).open()).names()
        assert len(names) == 10
        assert names[0] == "demo__t19"
        assert names[-1] == "gateway__rate_tool"


async def test_hidden_tools_are_neither_listed_nor_called() -> None:
    world = world_of(2, hide=("demo__t1*",))
    async with world.running():
        client = await LegacyClient(world).open()
        assert "demo__t1" not in await client.names()
        assert (await client.call("demo__t1"))["error"]["code"] == -32602


async def test_a_session_keeps_its_list_until_the_toolset_changes() -> None:
    world = world_of(3)
    async with world.running():
        client = await LegacyClient(world).open()
        first = await client.tools()
        world.chooser.first = ["demo__t2"]
        world.clock.advance(3600)
        assert await client.tools() == first
        assert len(world.decisions) == 1
        world.serve("more", tool("more", "x"))
        assert (await client.names())[0] == "demo__t2"
        assert len(world.decisions) == 2


async def test_every_session_is_a_new_decision_and_a_new_round() -> None:
    world = world_of(3)
    async with world.running():
        for _ in range(3):
            await (await LegacyClient(world, x_mcp_agent="a", x_mcp_run="r").open()).tools()
        await (await LegacyClient(world, x_mcp_agent="b", x_mcp_run="r").open()).tools()
        assert [request.round for request in world.chooser.requests] == [1, 2, 3, 1]


async def test_modern_lists_are_identical_to_the_byte_while_their_time_runs() -> None:
    world = world_of(5)
    async with world.running():
        client = ModernClient(world, x_mcp_agent="a")
        first = (await client.request("tools/list")).content
        world.chooser.first = ["demo__t4"]
        world.clock.advance(12.5)
        second = (await client.request("tools/list")).content

        def array(body: bytes) -> bytes:
            return body[body.index(b'"tools":') : body.index(b'"resultType"')]

        assert array(first) == array(second)
        assert b'"ttlMs":30000' in first
        assert b'"ttlMs":17500' in second
        world.clock.advance(17.5)
        third = await client.listing()
        assert third["tools"][0]["name"] == "demo__t4"
        assert third["ttlMs"] == 30000


async def test_modern_callers_with_other_names_have_decisions_of_their_own() -> None:
    world = world_of(3)
    async with world.running():
        await ModernClient(world, x_mcp_agent="a").listing()
        await ModernClient(world, x_mcp_agent="b").listing()
        await ModernClient(world, x_mcp_agent="a", x_mcp_run="r").listing()
        assert len({decision.id for decision in world.decisions}) == 3


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_a_call_belongs_to_the_newest_decision_that_showed_its_tool(era: str) -> None:
    world = world_of(5)
    async with world.running():
        client = await LegacyClient(world).open() if era == "legacy" else ModernClient(world)
        await client.request("tools/list")
        await client.call("demo__t1")
        world.chooser.first = ["demo__t1"]
        await client.call("gateway__find_tools", {"query": "one", "limit": 1})
        await client.call("demo__t1")
        await client.call("demo__t2")
        told = [(call.exposed, call.decision_id) for call in world.calls if call.server == "demo"]
        assert told == [("demo__t1", "d1"), ("demo__t1", "d2"), ("demo__t2", "d1")]


async def test_a_call_that_no_decision_showed_belongs_to_none() -> None:
    world = world_of(2)
    async with world.running():
        client = await LegacyClient(world).open()
        await client.call("demo__t1")
        assert world.calls[0].decision_id is None
