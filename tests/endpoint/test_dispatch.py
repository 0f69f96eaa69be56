"""One call: what the child gets, what the client gets, what the ledger is told."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import anyio
import pytest

from gateway.endpoint.dispatch import arguments_hmac
from gateway.endpoint.ports import OnNotify
from gateway.endpoint.settings import EndpointConfig
from gateway.errors import CallTimeout, ChildGone, RpcError, ServerBusy
from gateway.model import CallOutcome, SessionScope, ToolName
from tests.endpoint.fakes import LegacyClient, ModernClient, World, echo_world, fails, says, text, tool

WEIRD = (
    '{"content":[{"zeta":1,"type":"hologram","alpha":[1e2,100.0,12345678901234567890123]},'
    '{"type" : "text","text":"caf\\u00e9 \\/"}],"unknown":{"b":-0.0,"a":1E+2}'
)


async def test_a_childs_answer_arrives_as_bytes_in_both_eras() -> None:
    world = World()
    world.upstreams.start("demo", echo=says(WEIRD + "}"))
    world.serve("demo", tool("demo", "echo"))
    async with world.running():
        legacy = await (await LegacyClient(world).open()).request("tools/call", {"name": "demo__echo"})
        modern = await ModernClient(world).request("tools/call", {"name": "demo__echo"})
        assert b'"result":' + WEIRD.encode() in legacy.content
        assert b'"result":' + WEIRD.encode() in modern.content


async def test_a_remote_childs_answer_with_line_ends_arrives_whole() -> None:
    world = World()
    world.upstreams.start("demo", echo=says('{\r\n  "content": [\n]\n}'))
    world.serve("demo", tool("demo", "echo"))
    async with world.running():
        client = await LegacyClient(world).open()
        assert (await client.call("demo__echo", _meta={"progressToken": 1}))["result"]["content"] == []


async def test_arguments_reach_the_child_as_the_caller_spelled_them() -> None:
    world = echo_world()
    async with world.running():
        client = await LegacyClient(world).open()
        arguments = b'{"n":1e2, "big":12345678901234567890123,"t":"\\u00e9"}'
        await client.post(
            b'{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"demo__echo","arguments":'
            + arguments
            + b',"future":{"b":1.0}}}'
        )
        seen = world.upstreams.children["demo"].seen[0]
        assert seen == b'{"name":"echo","arguments":' + arguments + b',"future":{"b":1.0}}'


async def test_what_a_client_says_of_its_connection_to_us_does_not_reach_the_child() -> None:
    world = echo_world()
    async with world.running():
        await ModernClient(world).call("demo__echo", {}, _meta={"traceparent": "00-1"})
        seen = json.loads(world.upstreams.children["demo"].seen[0])
        assert seen["_meta"] == {"traceparent": "00-1"}
        await ModernClient(world).call("demo__echo")
        assert "_meta" not in json.loads(world.upstreams.children["demo"].seen[1])


async def test_the_ledger_is_told_every_column() -> None:
    world = echo_world()
    async with world.running():
        client = await LegacyClient(world, x_mcp_agent="a", x_mcp_run="r").open()
        await client.tools()
        result = (await client.call("demo__echo", {"b": 1, "a": "é"}))["result"]
        call = world.calls[0]
        assert result["_meta"]["gateway/call"] == {"id": call.call_id, "server": "demo"}
        assert (call.agent, call.run, call.round, call.profile) == ("a", "r", 1, "")
        assert (call.server, call.tool, call.exposed, call.via) == ("demo", "echo", "demo__echo", "direct")
        assert (call.decision_id, call.outcome, call.error_code) == ("d1", CallOutcome.OK, None)
        assert call.at == world.clock.wall()
        assert call.bytes_in == len('{"b":1,"a":"é"}'.encode())
        assert call.bytes_out > 0
        canonical = '{"a":"é","b":1}'.encode()
        assert call.args_hmac == hmac.digest(b"a" * 32, canonical, hashlib.sha256).hex()[:16]
        assert len(call.session) == 32


def test_equal_arguments_have_equal_fingerprints_however_they_are_spelled() -> None:
    assert arguments_hmac(b"k", b'{"a":1,"b":2}') == arguments_hmac(b"k", b'{ "b":2,\n"a":1 }')
    assert arguments_hmac(b"k", b'{"a":1}') != arguments_hmac(b"k", b'{"a":2}')
    assert arguments_hmac(b"k", b"{}") != arguments_hmac(b"x", b"{}")


def test_arguments_with_a_lone_surrogate_have_a_fingerprint() -> None:
    assert len(arguments_hmac(b"k", b'{"a":"\\ud800"}')) == 16


@pytest.mark.parametrize(
    ("exc", "outcome", "code"),
    [
        (ChildGone("demo", reason="killed"), CallOutcome.GONE, "child_gone"),
        (CallTimeout("demo", 120), CallOutcome.TIMEOUT, "timeout"),
        (ServerBusy("demo", 64), CallOutcome.BUSY, "busy"),
        (RpcError(-32602, "city is missing"), CallOutcome.TOOL_ERROR, "rpc_error"),
        (ZeroDivisionError("bug"), CallOutcome.TOOL_ERROR, "internal"),
    ],
)
@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_a_childs_failure_is_a_result_with_status_200(
    era: str, exc: Exception, outcome: CallOutcome, code: str
) -> None:
    world = World()
    world.upstreams.start("demo", echo=fails(exc))
    world.serve("demo", tool("demo", "echo"))
    async with world.running():
        client = await LegacyClient(world).open() if era == "legacy" else ModernClient(world)
        answer = await client.request("tools/call", {"name": "demo__echo"})
        result = answer.json()["result"]
        assert answer.status_code == 200
        assert result["isError"] is True
        assert result["_meta"]["gateway/error"]["code"] == code
        assert result["_meta"]["gateway/call"]["server"] == "demo"
        assert ("resultType" in result) is (era == "modern")
        assert (world.calls[0].outcome, world.calls[0].error_code) == (outcome, code)


async def test_a_tools_own_failure_is_recorded_as_such() -> None:
    world = World()
    world.upstreams.start("demo", echo=says('{"content":[],"isError":true}'))
    world.serve("demo", tool("demo", "echo"))
    async with world.running():
        await (await LegacyClient(world).open()).call("demo__echo")
        assert (world.calls[0].outcome, world.calls[0].error_code) == (CallOutcome.TOOL_ERROR, None)


async def test_what_is_no_result_becomes_one() -> None:
    world = World()
    world.upstreams.start("demo", echo=says("[1,2]"))
    world.serve("demo", tool("demo", "echo"))
    async with world.running():
        result = (await (await LegacyClient(world).open()).call("demo__echo"))["result"]
        assert result["isError"] is True
        assert world.calls[0].outcome == CallOutcome.GONE


async def test_a_result_that_is_too_large_is_not_relayed() -> None:
    world = World(EndpointConfig(max_result_bytes=1000))
    world.upstreams.start("demo", echo=text("x" * 1000))
    world.serve("demo", tool("demo", "echo"))
    async with world.running():
        result = (await (await LegacyClient(world).open()).call("demo__echo"))["result"]
        assert result["_meta"]["gateway/error"]["code"] == "too_large"


async def test_a_quarantined_tool_says_why_it_cannot_be_called() -> None:
    world = echo_world()
    world.serve("demo", tool("demo", "echo"), quarantined=(ToolName("echo"),))
    async with world.running():
        client = await LegacyClient(world).open()
        assert "demo__echo" not in await client.names()
        result = (await client.call("demo__echo"))["result"]
        assert result["_meta"]["gateway/error"]["code"] == "quarantined"
        assert (world.calls[0].tool, world.calls[0].outcome) == ("echo", CallOutcome.REFUSED)


async def test_an_unknown_tool_is_an_error_with_the_nearest_names() -> None:
    async with echo_world().running() as world:
        error = (await (await LegacyClient(world).open()).call("demo__ecco"))["error"]
        assert error["code"] == -32602
        assert "demo__echo" in error["message"]
        assert world.calls == []


@pytest.mark.parametrize("size", [10, 100_000])
async def test_a_structured_answer_that_breaks_its_schema_is_marked(size: int) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "array", "items": {"type": "integer"}}}}
    answer = {"content": [{"type": "text", "text": "kept"}], "structuredContent": {"n": [1] * size + ["x"]}}
    world = World()
    world.upstreams.start("demo", echo=says(json.dumps(answer)))
    world.serve("demo", tool("demo", "echo", outputSchema=schema))
    async with world.running():
        client = await LegacyClient(world).open()
        assert next(each for each in await client.tools() if each["name"] == "demo__echo")["outputSchema"] == schema
        result = (await client.call("demo__echo"))["result"]
        assert result["isError"] is True
        assert "schema" in result["content"][0]["text"]
        assert result["content"][1] == {"type": "text", "text": "kept"}


@pytest.mark.parametrize(("query", "headers"), [("?text=1", {}), ("", {"x_mcp_text": "1"})])
async def test_a_caller_that_reads_text_alone_gets_a_description_and_the_calls_id(
    query: str, headers: dict[str, str]
) -> None:
    world = World()
    world.upstreams.start("demo", echo=says('{"content":[{"type":"image","data":"AAAA","mimeType":"image/png"}]}'))
    world.serve("demo", tool("demo", "echo"))
    async with world.running():
        client = await LegacyClient(world, f"/mcp{query}", **headers).open()
        content = (await client.call("demo__echo"))["result"]["content"]
        assert content[0]["type"] == "image"
        assert world.calls[0].call_id in content[1]["text"]


async def test_children_are_shared_or_an_agents_or_a_sessions_own() -> None:
    world = World()
    for name, scope in (
        ("one", SessionScope.SHARED),
        ("two", SessionScope.PER_AGENT),
        ("three", SessionScope.PER_SESSION),
    ):
        world.upstreams.start(name, x=text("x"))
        world.serve(name, tool(name, "x"), session=scope)
    async with world.running():
        client = await LegacyClient(world, x_mcp_agent="a", x_mcp_run="r").open()
        for name in ("one", "two", "three"):
            await client.call(f"{name}__x")
        shared, agents, sessions = [instance for _, instance in world.upstreams.instances]
        assert shared == ""
        assert agents.split("\x1f")[2:] == ["a", "r"]
        assert sessions == f"session\x1f{world.calls[0].session}"


async def test_a_child_is_acquired_for_one_tool_by_its_own_name_and_one_caller() -> None:
    world = World()
    world.upstreams.start("one", x=text("x"))
    world.serve("one", tool("one", "x"))
    async with world.running():
        client = await LegacyClient(world, x_mcp_agent="a", x_mcp_run="r").open()
        await client.call("one__x")
        ((name, caller),) = world.upstreams.acquired
        assert name == "x"
        assert {"a", "r"} <= set(caller.split("\x1f"))


async def test_calls_of_one_session_run_at_the_same_time() -> None:
    both = anyio.Event()
    waiting: list[int] = []

    async def meet(_: dict[str, Any], __: OnNotify | None) -> bytes:
        waiting.append(1)
        if len(waiting) == 2:
            both.set()
        await both.wait()
        return b'{"content":[]}'

    world = World()
    world.upstreams.start("demo", meet=meet)
    world.serve("demo", tool("demo", "meet"))
    async with world.running():
        client = await LegacyClient(world).open()
        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.call, "demo__meet")
                tasks.start_soon(client.call, "demo__meet")
        assert [call.outcome for call in world.calls] == [CallOutcome.OK] * 2
        assert world.endpoint.in_flight == 0


async def test_call_ids_differ() -> None:
    async with echo_world().running() as world:
        client = await LegacyClient(world).open()
        for _ in range(20):
            await client.call("demo__echo")
        assert len({call.call_id for call in world.calls}) == 20
