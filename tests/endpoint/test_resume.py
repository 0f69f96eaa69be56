"""Sessions: alive after a restart, dead after DELETE, refused when forged."""

from __future__ import annotations

from typing import Any

import anyio
import httpx
import pytest

from gateway.endpoint.sessions import LIFE_S, Session, SessionSeal
from gateway.endpoint.tokens import Tokens
from tests.endpoint.fakes import ADMIN, LegacyClient, Stream, World, echo_world, tool

INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}


def ping(client: LegacyClient) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": next(client.ids), "method": "ping"}


async def restarted(world: World, client: LegacyClient) -> LegacyClient:
    """The same client against the same gateway after a restart."""
    world.reborn()
    again = LegacyClient(world)
    again.session = client.session
    return again


async def test_an_old_session_works_after_a_restart() -> None:
    world = echo_world()
    async with world.running():
        client = await LegacyClient(world, x_mcp_agent="a", x_mcp_run="r").open()
    again = await restarted(world, client)
    async with world.running():
        answer = await again.request("tools/call", {"name": "demo__echo"})
        assert answer.status_code == 200
        assert answer.headers["mcp-session-id"] == client.session
        assert answer.json()["result"]["content"][0]["text"] == "hello"
        assert (world.calls[-1].agent, world.calls[-1].run, world.calls[-1].round) == ("a", "r", 1)


async def test_rounds_count_on_after_a_restart() -> None:
    world = echo_world()
    async with world.running():
        client = await LegacyClient(world, x_mcp_agent="a", x_mcp_run="r").open()
    again = await restarted(world, client)
    async with world.running():
        await again.request("ping")
        await (await LegacyClient(world, x_mcp_agent="a", x_mcp_run="r").open()).tools()
        assert world.chooser.requests[-1].round == 2


async def test_a_session_that_the_sdk_forgot_is_brought_back_within_the_request() -> None:
    async with echo_world().running() as world:
        client = await LegacyClient(world).open()
        sdk_sessions = world.endpoint._face._manager._server_instances
        for inner, transport in list(sdk_sessions.items()):
            await world.endpoint._face._manager._discard_session(inner, transport)
        assert (await client.request("ping")).status_code == 200
        assert len(sdk_sessions) == 1


async def test_many_requests_at_once_bring_a_session_back_once() -> None:
    world = echo_world()
    async with world.running():
        client = await LegacyClient(world).open()
    again = await restarted(world, client)
    async with world.running():
        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(again.request, "ping")
        assert len(world.endpoint._face._manager._server_instances) == 1


async def test_the_client_never_sees_the_sdks_own_session_id() -> None:
    async with echo_world().running() as world:
        client = await LegacyClient(world).open()
        inner = next(iter(world.endpoint._face._manager._server_instances))
        answers = [await client.request("ping"), await client.request("nonsense"), await client.post(INITIALIZED)]
        assert all(inner not in str(answer.headers) for answer in answers)
        assert (await client.http.post("/mcp", json=ping(client), headers={"mcp-session-id": inner})).status_code == 404


async def test_a_deleted_session_is_gone_here_and_after_a_restart() -> None:
    world = echo_world()
    async with world.running():
        client = await LegacyClient(world).open()
        assert await client.delete() == 200
        assert (await client.request("ping")).status_code == 404
        assert await client.delete() == 404
    again = await restarted(world, client)
    async with world.running():
        assert (await again.request("ping")).status_code == 404


async def test_an_old_session_can_be_deleted_after_a_restart() -> None:
    world = echo_world()
    async with world.running():
        client = await LegacyClient(world).open()
    again = await restarted(world, client)
    async with world.running():
        assert await again.delete() == 200
        assert (await again.request("ping")).status_code == 404


async def test_the_end_of_a_session_ends_its_own_children() -> None:
    async with echo_world().running() as world:
        await (await LegacyClient(world).open()).delete()
        assert len(world.upstreams.released) == 1


@pytest.mark.parametrize("forged", ["x", "0123456789abcdef0123456789abcdef", "g1.AAAA.AAAA"])
async def test_a_forged_session_is_not_found(forged: str) -> None:
    async with echo_world().running() as world:
        client = LegacyClient(world)
        client.session = forged
        assert (await client.request("ping")).status_code == 404
        assert (await client.request("tools/list")).status_code == 404


async def test_a_session_of_another_key_is_not_found() -> None:
    async with echo_world().running() as world:
        client = LegacyClient(world)
        session = Session("s", world.clock.wall(), "2025-11-25", {}, "p", "", "", 1)
        client.session = SessionSeal(b"other" * 8).seal(session)
        assert (await client.request("ping")).status_code == 404


async def test_an_expired_session_is_not_found() -> None:
    async with echo_world().running() as world:
        client = await LegacyClient(world).open()
        world.clock.advance(LIFE_S)
        assert (await client.request("ping")).status_code == 404


@pytest.mark.parametrize("jump_s", [365 * 24 * 3600.0, -365 * 24 * 3600.0])
async def test_a_calendar_that_is_set_ends_no_session_and_lengthens_none(jump_s: float) -> None:
    async with echo_world().running() as world:
        client = await LegacyClient(world).open()
        world.clock.jump_wall(jump_s)
        assert (await client.request("ping")).status_code == 200
        late = await LegacyClient(world).open()
        world.clock.advance(LIFE_S)
        assert [(await one.request("ping")).status_code for one in (client, late)] == [404, 404]


@pytest.mark.parametrize("method", ["ping", "tools/list", "tools/call"])
async def test_without_a_session_only_a_handshake_is_served(method: str) -> None:
    async with echo_world().running() as world:
        answer = await LegacyClient(world).request(method, {"name": "demo__echo"})
        assert answer.status_code == 400
        assert "session" in answer.json()["error"]["message"].lower()


async def test_a_session_belongs_to_the_token_that_opened_it() -> None:
    async with echo_world().running() as world:
        client = await LegacyClient(world).open()
        thief = LegacyClient(world, token=ADMIN)
        thief.session = client.session
        assert (await thief.request("ping")).status_code == 404


async def test_rotating_the_token_needs_no_restart() -> None:
    async with echo_world().running() as world:
        world.tokens = Tokens.of("new", ADMIN)
        assert (await LegacyClient(world).request("ping")).status_code == 401
        await LegacyClient(world, token="new").open()


async def test_a_refused_handshake_makes_no_session() -> None:
    async with echo_world().running() as world:
        client = LegacyClient(world)
        client.http.headers["accept"] = "text/plain"
        answer = await client.request("initialize", {"protocolVersion": "2025-11-25"})
        assert answer.status_code == 406
        assert "mcp-session-id" not in answer.headers


async def test_resumed_clients_capabilities_reach_the_sdk_again() -> None:
    world = echo_world()
    async with world.running():
        client = await LegacyClient(world).open({"sampling": {}})
    again = await restarted(world, client)
    async with world.running():
        assert (await again.request("ping")).status_code == 200
        session = next(iter(world.endpoint._face._sessions.values()))
        assert session.client_capabilities is not None
        assert session.client_capabilities.sampling is not None


async def test_a_new_client_may_offer_an_old_id_when_it_shakes_hands_again() -> None:
    async with echo_world().running() as world:
        client = LegacyClient(world)
        client.session = "from-somewhere-else"
        await client.open()
        assert (await client.request("ping")).status_code == 200


async def test_a_tool_that_came_later_is_callable_in_an_old_session() -> None:
    world = echo_world()
    async with world.running():
        client = await LegacyClient(world).open()
    again = await restarted(world, client)
    world.serve("late", tool("late", "x"))
    async with world.running():
        answer: httpx.Response = await again.request("tools/call", {"name": "late__x"})
        assert answer.json()["result"]["_meta"]["gateway/error"]["code"] == "not_ready"


async def test_a_stream_that_asks_for_what_it_missed_is_simply_opened() -> None:
    async with echo_world().running() as world:
        client = await LegacyClient(world).open()
        stream = Stream(world.app, None, mcp_session_id=client.session, last_event_id="7")
        stream._scope["method"] = "GET"
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stream.run)
            with anyio.fail_after(5):
                while not stream.status:
                    await stream.grew.wait()
            stream.leave()
        assert stream.status == 200


async def test_an_id_that_is_still_being_answered_is_refused_and_the_first_call_goes_on() -> None:
    world, begun, may_end = echo_world(), anyio.Event(), anyio.Event()

    async def slow(_params: dict[str, Any], _on_notify: object) -> bytes:
        begun.set()
        await may_end.wait()
        return b'{"content":[{"type":"text","text":"done"}]}'

    world.upstreams.start("demo", echo=slow)
    call = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "demo__echo", "arguments": {}}}
    answers: list[httpx.Response] = []
    async with world.running():
        client = await LegacyClient(world).open()

        async def first() -> None:
            answers.append(await client.post(call))

        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(first)
                await begun.wait()
                twin = await client.post(call)
                may_end.set()
        assert (twin.status_code, twin.json()["id"], twin.json()["error"]["code"]) == (400, 7, -32600)
        assert answers[0].json()["result"]["content"][0]["text"] == "done"
        assert (await client.post(call)).status_code == 200
