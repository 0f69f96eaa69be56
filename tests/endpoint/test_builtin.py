"""The gateway's own tools."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.config.tools import ToolsSection
from gateway.endpoint.ports import OnNotify
from gateway.endpoint.settings import EndpointConfig
from gateway.model import CallOutcome, DecisionKind
from tests.endpoint.fakes import LegacyClient, ModernClient, World, echo_world, tool


async def own(client: LegacyClient, name: str, /, **arguments: Any) -> dict[str, Any]:
    return dict((await client.call(f"gateway__{name}", arguments))["result"])


def said(result: dict[str, Any]) -> str:
    return str(result["content"][0]["text"])


async def test_find_tools_tells_names_lines_and_arguments() -> None:
    async with echo_world().running() as world:
        world.serve(
            "demo", tool("demo", "echo", description="Says it again.\nMore.", inputSchema={"type": "object", "x": 1})
        )
        client = await LegacyClient(world).open()
        answer = json.loads(said(await own(client, "find_tools", query="say it")))
        assert answer["tools"] == [
            {"name": "demo__echo", "description": "Says it again.", "arguments": {"type": "object", "x": 1}}
        ]
        assert answer["decision_id"] == world.decisions[-1].id


async def test_every_search_is_a_new_decision() -> None:
    async with echo_world().running() as world:
        client = await LegacyClient(world).open()
        await own(client, "find_tools", query="one", limit=3)
        await own(client, "find_tools", query="one", limit=3)
        assert [(d.kind, d.query) for d in world.decisions] == [(DecisionKind.FIND, "one")] * 2
        assert world.chooser.requests[0].k == 3
        assert [call.tool for call in world.calls] == ["find_tools"] * 2


async def test_nothing_found_is_said() -> None:
    async with World().running() as world:
        client = await LegacyClient(world).open()
        assert "No tool" in said(await own(client, "find_tools", query="x"))


@pytest.mark.parametrize(
    "arguments",
    [{}, {"query": 5}, {"query": "x", "limit": 0}, {"query": "x", "limit": 51}, {"query": "x", "limit": "3"}],
)
async def test_wrong_arguments_are_a_result_that_says_so(arguments: dict[str, Any]) -> None:
    async with echo_world().running() as world:
        result = await own(await LegacyClient(world).open(), "find_tools", **arguments)
        assert result["isError"] is True
        assert "arguments" in said(result)


async def test_call_tool_calls_a_tool_and_the_ledger_says_how() -> None:
    async with echo_world().running() as world:
        client = await LegacyClient(world).open()
        result = await own(client, "call_tool", name="demo__echo", arguments={"n": 1})
        assert said(result) == "hello"
        assert [(call.exposed, call.via) for call in world.calls] == [("demo__echo", "call_tool")]
        assert result["_meta"]["gateway/call"]["id"] == world.calls[0].call_id


@pytest.mark.parametrize("arguments", ['{"n":1}', {"n": 1}])
async def test_call_tool_takes_arguments_as_object_or_as_text(arguments: Any) -> None:
    async with echo_world().running() as world:
        await own(await LegacyClient(world).open(), "call_tool", name="demo__echo", arguments=arguments)
        assert json.loads(world.upstreams.children["demo"].seen[0])["arguments"] == {"n": 1}


async def test_call_tool_takes_null_as_no_arguments() -> None:
    async with echo_world().running() as world:
        await own(await LegacyClient(world).open(), "call_tool", name="demo__echo", arguments=None)
        assert json.loads(world.upstreams.children["demo"].seen[0])["arguments"] == {}


@pytest.mark.parametrize("arguments", ["nonsense", [1], 7])
async def test_call_tool_refuses_arguments_that_are_no_object(arguments: Any) -> None:
    async with echo_world().running() as world:
        result = await own(await LegacyClient(world).open(), "call_tool", name="demo__echo", arguments=arguments)
        assert result["isError"] is True
        assert world.upstreams.children["demo"].seen == []


async def test_call_tool_answers_an_unknown_name_with_the_nearest() -> None:
    async with echo_world().running() as world:
        result = await own(await LegacyClient(world).open(), "call_tool", name="demo__ecco")
        assert result["isError"] is True
        assert "demo__echo" in said(result)


async def test_call_tool_does_not_call_our_own_tools() -> None:
    async with echo_world().running() as world:
        result = await own(await LegacyClient(world).open(), "call_tool", name="gateway__call_tool", arguments={})
        assert result["isError"] is True
        assert "directly" in said(result)


async def test_call_tool_relays_progress() -> None:
    async def slow(_: dict[str, Any], on_notify: OnNotify | None) -> bytes:
        if on_notify is not None:
            on_notify("notifications/progress", b'{"progressToken":"p","progress":1}')
        return b'{"content":[]}'

    world = World()
    world.upstreams.start("demo", slow=slow)
    world.serve("demo", tool("demo", "slow"))
    async with world.running():
        client = await LegacyClient(world).open()
        params = {"name": "gateway__call_tool", "arguments": {"name": "demo__slow"}, "_meta": {"progressToken": "p"}}
        assert "notifications/progress" in (await client.request("tools/call", params)).text


async def test_an_agent_rates_its_latest_call_of_a_tool() -> None:
    async with echo_world().running() as world:
        client = await LegacyClient(world, x_mcp_agent="a").open()
        await client.tools()
        await client.call("demo__echo")
        await own(client, "rate_tool", name="demo__echo", score=0.75, comment="good")
        rating = world.verbs.ratings[0]
        assert (rating.call_id, rating.score, rating.comment) == (world.calls[0].call_id, 0.75, "good")
        assert (rating.tool, rating.decision_id, rating.caller.agent) == ("demo__echo", "d1", "a")


async def test_an_agent_rates_a_call_by_its_id() -> None:
    async with echo_world().running() as world:
        client = await LegacyClient(world).open()
        await client.call("demo__echo")
        await own(client, "rate_tool", call_id=world.calls[0].call_id, score=0)
        assert world.verbs.ratings[0].tool == "demo__echo"


async def test_a_call_that_is_not_remembered_is_left_to_the_ledger() -> None:
    async with echo_world().running() as world:
        client = await LegacyClient(world).open()
        await own(client, "rate_tool", call_id="c-older", score=1)
        assert (world.verbs.ratings[0].call_id, world.verbs.ratings[0].tool) == ("c-older", None)
        assert (await own(client, "rate_tool", call_id="c-unknown", score=1))["isError"] is True


async def test_nobody_rates_anothers_call() -> None:
    async with echo_world().running() as world:
        await (await LegacyClient(world, x_mcp_agent="a").open()).call("demo__echo")
        other = await LegacyClient(world, x_mcp_agent="b").open()
        assert (await own(other, "rate_tool", call_id=world.calls[0].call_id, score=1))["isError"] is True
        assert (await own(other, "rate_tool", name="demo__echo", score=1))["isError"] is True
        assert world.verbs.ratings == []


@pytest.mark.parametrize(
    "arguments", [{"score": 1}, {"name": "x", "score": 1.5}, {"name": "x"}, {"name": "x", "score": True}]
)
async def test_a_rating_must_be_whole(arguments: dict[str, Any]) -> None:
    async with echo_world().running() as world:
        assert (await own(await LegacyClient(world).open(), "rate_tool", **arguments))["isError"] is True
        assert world.calls[-1].outcome == CallOutcome.REFUSED


async def test_install_server_is_there_only_if_the_operator_allows_it() -> None:
    async with echo_world().running() as world:
        client = await LegacyClient(world).open()
        assert "gateway__install_server" not in await client.names()
        assert (await client.call("gateway__install_server", {"name": "acme/x"}))["error"]["code"] == -32602
        world.endpoint.set_config(EndpointConfig(on_demand="allow"))
        assert "gateway__install_server" in await client.names()
        assert "acme/x is installed" in said(await own(client, "install_server", name="acme/x"))


async def test_our_own_tools_can_be_turned_off() -> None:
    world = echo_world(EndpointConfig(tools=ToolsSection(builtins=False)))
    async with world.running():
        client = await LegacyClient(world).open()
        assert await client.names() == ["demo__echo"]
        assert (await client.call("gateway__find_tools", {"query": "x"}))["error"]["code"] == -32602


async def test_our_own_answers_carry_the_modern_eras_members() -> None:
    async with echo_world().running() as world:
        result = (await ModernClient(world).call("gateway__find_tools", {"query": "x"}))["result"]
        assert result["resultType"] == "complete"
        assert result["_meta"]["gateway/call"]["server"] == "gateway"
