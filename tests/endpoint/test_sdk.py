"""Progress and cancellation in both eras, through the SDK."""

from __future__ import annotations

import itertools
from typing import Any

import anyio
import pytest

from gateway.endpoint.ports import OnNotify
from gateway.endpoint.sdk import is_legacy, negotiated_revision
from gateway.model import CallOutcome
from tests.endpoint.fakes import LEGACY, MODERN, LegacyClient, ModernClient, Stream, World, tool

ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
}


def world_with(name: str, behaviour: Any) -> World:
    world = World()
    world.upstreams.start("demo", **{name: behaviour})
    world.serve("demo", tool("demo", name))
    return world


async def stream_of(world: World, era: str, name: str, meta: dict[str, Any], request_id: int = 5) -> Stream:
    """A tools/call of either era, not yet sent."""
    params: dict[str, Any] = {"name": f"demo__{name}", "arguments": {}, "_meta": meta}
    body = {"jsonrpc": "2.0", "id": request_id, "method": "tools/call", "params": params}
    if era == "modern":
        params["_meta"] = {**ENVELOPE, **meta}
        headers = {"mcp_protocol_version": MODERN, "mcp_method": "tools/call", "mcp_name": f"demo__{name}"}
        return Stream(world.app, body, **headers)
    client = await LegacyClient(world).open()
    return Stream(world.app, body, mcp_session_id=client.session, mcp_protocol_version=LEGACY)


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_progress_arrives_in_order_before_the_result_as_it_was_told(era: str) -> None:
    async def slow(_: dict[str, Any], on_notify: OnNotify | None) -> bytes:
        assert on_notify is not None
        for number in range(20):
            on_notify("notifications/progress", b'{"progressToken":"p","progress":%d,"x":1.50}' % number)
        on_notify("notifications/message", b'{"level":"info","data":"not asked for"}')
        return b'{"content":[]}'

    world = world_with("slow", slow)
    async with world.running():
        stream = await stream_of(world, era, "slow", {"progressToken": "p"})
        with anyio.fail_after(10):
            await stream.run()
        events = stream.events()
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert [event["params"]["progress"] for event in events[:-1]] == list(range(20))
        assert {event["method"] for event in events[:-1]} == {"notifications/progress"}
        assert events[-1]["result"]["content"] == []
        assert b'"x":1.50' in stream.body


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_without_a_token_no_progress_is_told(era: str) -> None:
    heard: list[object] = []

    async def slow(_: dict[str, Any], on_notify: OnNotify | None) -> bytes:
        heard.append(on_notify)
        return b'{"content":[]}'

    world = world_with("slow", slow)
    async with world.running():
        stream = await stream_of(world, era, "slow", {})
        await stream.run()
        assert heard == [None]
        assert stream.headers["content-type"] == "application/json"


async def test_a_child_that_floods_its_caller_loses_reports_but_not_its_answer() -> None:
    async def flood(_: dict[str, Any], on_notify: OnNotify | None) -> bytes:
        assert on_notify is not None
        for number in range(5000):
            on_notify("notifications/progress", b'{"progressToken":"p","progress":%d}' % number)
        return b'{"content":[]}'

    world = world_with("flood", flood)
    async with world.running():
        stream = await stream_of(world, "modern", "flood", {"progressToken": "p"})
        await stream.run()
        told = [event["params"]["progress"] for event in stream.events()[:-1]]
        assert told == list(range(len(told)))
        assert len(told) < 5000


class Hanging:
    """A tool that works until it is cancelled."""

    def __init__(self) -> None:
        self.begun = anyio.Event()
        self.cancelled = anyio.Event()

    async def __call__(self, _: dict[str, Any], __: OnNotify | None) -> bytes:
        self.begun.set()
        try:
            await anyio.sleep_forever()
        finally:
            self.cancelled.set()
        return b""


@pytest.mark.parametrize("meta", [{}, {"progressToken": 1}])
async def test_a_modern_client_that_leaves_cancels_its_call(meta: dict[str, Any]) -> None:
    hanging = Hanging()
    world = world_with("hang", hanging)
    async with world.running():
        stream = await stream_of(world, "modern", "hang", meta)
        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(stream.run)
                await hanging.begun.wait()
                stream.leave()
                await hanging.cancelled.wait()
        assert [call.outcome for call in world.calls] == [CallOutcome.CANCELLED]
        assert world.endpoint.in_flight == 0


@pytest.mark.parametrize("meta", [{}, {"progressToken": 1}])
async def test_a_legacy_client_cancels_by_a_notification(meta: dict[str, Any]) -> None:
    hanging = Hanging()
    world = world_with("hang", hanging)
    async with world.running():
        client = await LegacyClient(world).open()
        params = {"name": "demo__hang", "arguments": {}, "_meta": meta}
        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                client.ids = itertools.count(77)
                tasks.start_soon(client.request, "tools/call", params)
                await hanging.begun.wait()
                await client.post(
                    {
                        "jsonrpc": "2.0",
                        "method": "notifications/cancelled",
                        "params": {"requestId": 77, "reason": "enough"},
                    }
                )
                await hanging.cancelled.wait()
        assert [call.outcome for call in world.calls] == [CallOutcome.CANCELLED]


async def test_a_legacy_client_that_leaves_does_not_cancel_its_call() -> None:
    go = anyio.Event()
    begun = anyio.Event()

    async def wait(_: dict[str, Any], __: OnNotify | None) -> bytes:
        begun.set()
        await go.wait()
        return b'{"content":[]}'

    world = world_with("wait", wait)
    async with world.running():
        stream = await stream_of(world, "legacy", "wait", {})
        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(stream.run)
                await begun.wait()
                stream.leave()
            go.set()
            while not world.calls:
                await anyio.lowlevel.checkpoint()
        assert world.calls[0].outcome == CallOutcome.OK


async def test_one_clients_cancellation_does_not_reach_anothers_call_of_the_same_id() -> None:
    hanging = Hanging()
    world = world_with("hang", hanging)
    async with world.running():
        one, two = await LegacyClient(world).open(), await LegacyClient(world).open()
        cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(one.request, "tools/call", {"name": "demo__hang"})
            with anyio.fail_after(10):
                await hanging.begun.wait()
                await two.post(cancel)
                await two.request("ping")
                assert not hanging.cancelled.is_set()
                await one.post(cancel)
                await hanging.cancelled.wait()


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [("nonsense", {}, -32601), ("tools/call", {"name": 5}, -32602), ("tools/call", {}, -32602),
     ("tools/call", {"name": "demo__x", "arguments": [1]}, -32602), ("resources/list", {}, -32601)],
)  # fmt: skip
@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_wrong_methods_and_params_are_json_rpc_errors(
    era: str, method: str, params: dict[str, Any], code: int
) -> None:
    world = world_with("x", Hanging())
    async with world.running():
        client = await LegacyClient(world).open() if era == "legacy" else ModernClient(world)
        if era == "modern" and not isinstance(params.get("name", ""), str):
            client.http.headers["mcp-name"] = "5"
            params = {**params, "name": "5", "arguments": "x"}
        answer = await client.request(method, params)
        assert answer.json()["error"]["code"] == code
        status = 200 if era == "legacy" else {-32601: 404, -32602: 400}[code]
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"mcp-method": "tools/list"}, -32020),
        ({"mcp-name": "other"}, -32020),
        ({"mcp-protocol-version": "2099-01-01"}, -32020),
    ],
)
async def test_modern_headers_must_fit_the_body(headers: dict[str, str], code: int) -> None:
    world = world_with("x", Hanging())
    async with world.running():
        answer = await ModernClient(world).request("tools/call", {"name": "demo__x"}, **headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


async def test_the_modern_era_has_no_get() -> None:
    world = world_with("x", Hanging())
    async with world.running():
        assert (await ModernClient(world).http.get("/mcp")).status_code == 405


def test_a_client_gets_the_revision_it_asks_for_or_the_latest_of_its_era() -> None:
    assert negotiated_revision("2025-06-18") == "2025-06-18"
    assert negotiated_revision("2031-01-01") == LEGACY
    assert negotiated_revision(None) == LEGACY


def test_eras_are_told_apart_by_the_header() -> None:
    assert is_legacy(None)
    assert is_legacy("2025-06-18")
    assert not is_legacy(MODERN)
    assert not is_legacy("2099-01-01")
