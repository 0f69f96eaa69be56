"""Sessions that a remote server forgets: opened again once, and every call answered exactly once."""

from __future__ import annotations

import anyio
import pytest

from gateway.errors import ChildGone, RpcError
from gateway.model import CallPolicy, ServerName
from gateway.supervisor.supervisor import Supervisor
from tests.servers.remote_http import FORGOTTEN
from tests.supervisor.running import call, remote_spec, supervised
from tests.supervisor.talking.remotes import Remotes, told, until_up

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]


async def test_fifty_calls_that_lose_their_session_are_answered_once_each_in_one_new_session(remote: Remotes) -> None:
    port = remote("--answer", "sse")
    await until_up(port)
    async with supervised(remote_spec("r", port, call=CallPolicy(max_in_flight=64))) as (supervisor, heard):
        await heard.state("r", "ready")
        before = await told(port, forget=True)
        answers: list[str] = []

        async def one(number: int) -> None:
            answers.append(await call(supervisor, "r", "echo", text=f"n{number}"))

        async with anyio.create_task_group() as tasks:
            for number in range(50):
                tasks.start_soon(one, number)
        after = await told(port)
        assert sorted(answers) == sorted(f"n{n}" for n in range(50))
        assert {key: count for key, count in after["executed"].items() if key.startswith("n")} == {
            f"n{n}": 1 for n in range(50)
        }
        assert after["opened"] == before["opened"] + 1
        assert len(heard.states("r")["ready"]) == 1


@pytest.mark.parametrize("words", sorted(FORGOTTEN))
async def test_every_known_way_to_say_that_a_session_is_forgotten_is_understood(remote: Remotes, words: str) -> None:
    port = remote()
    async with supervised(remote_spec("r", port)) as (supervisor, heard):
        await heard.state("r", "ready")
        await told(port, forget=True, forgets_as=words)
        assert await call(supervisor, "r", "echo", text="on") == "on"
        counted = await told(port)
        assert (counted["opened"], counted["executed"]["on"]) == (2, 1)


async def test_a_server_that_forgets_every_session_is_an_error_after_the_second_time(remote: Remotes) -> None:
    port = remote()
    async with supervised(remote_spec("r", port)) as (supervisor, heard):
        await heard.state("r", "ready")
        await told(port, forget=True, never_remembers=True)
        with pytest.raises(ChildGone, match="forgot our session twice") as caught:
            await call(supervisor, "r", "echo", text="lost")
        assert caught.value.ran is False
        assert "lost" not in (await told(port))["executed"]


async def test_another_refusal_at_400_is_not_taken_for_a_forgotten_session(remote: Remotes) -> None:
    port = remote()
    async with supervised(remote_spec("r", port)) as (supervisor, heard):
        await heard.state("r", "ready")
        await told(port, refuse={"status": 400, "body": "the body is not JSON", "method": "tools/call"})
        with pytest.raises(ChildGone, match="HTTP 400"):
            await call(supervisor, "r", "echo", text="x")
        counted = await told(port)
        assert (counted["opened"], counted["refused"], counted["executed"]) == (1, 1, {})


async def test_a_modern_server_has_no_session_that_could_be_lost(remote: Remotes) -> None:
    port = remote("--era", "modern")
    async with supervised(remote_spec("r", port)) as (supervisor, heard):
        await heard.state("r", "ready")
        before = (await told(port, refuse={"status": 404, "method": "tools/call"}))["heard"].count("server/discover")
        with pytest.raises(ChildGone, match="HTTP 404"):
            await call(supervisor, "r", "echo", text="x")
        upstream = await supervisor.acquire(ServerName("r"))
        with pytest.raises(RpcError):  # 404 as well, but with an answer
            await upstream.request("x/y", b"{}")
        heard_now = (await told(port))["heard"]
        assert heard_now.count("tools/call") == 1
        assert heard_now.count("server/discover") <= before + 1  # the probe that the trouble asked for


async def test_after_a_new_session_the_tools_are_read_again_and_notices_are_heard(remote: Remotes) -> None:
    port = remote()
    async with supervised(remote_spec("r", port)) as (supervisor, heard):
        await heard.state("r", "ready")
        while (await told(port))["listens"] < 1:
            await anyio.sleep(0.05)
        await told(port, forget=True, release="2")
        await call(supervisor, "r", "echo")
        await heard.until(lambda: any(tool.ref.tool == "release_2" for tool in heard.lists("r")[-1].tools))
        while (await told(port))["listens"] < 2:
            await anyio.sleep(0.05)
        await call(supervisor, "r", "add_tool", name="fresh")
        await heard.until(lambda: any(tool.ref.tool == "fresh" for tool in heard.lists("r")[-1].tools))


async def test_a_caller_that_gives_up_during_the_new_handshake_does_not_spoil_it_for_the_others(
    remote: Remotes,
) -> None:
    port = remote()
    async with supervised(remote_spec("r", port)) as (supervisor, heard):
        await heard.state("r", "ready")
        await told(port, forget=True, refuse={"status": 503, "times": 0})
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(_give_up_soon, supervisor)
            assert await call(supervisor, "r", "echo", text="stays") == "stays"
        assert (await told(port))["executed"]["stays"] == 1


async def _give_up_soon(supervisor: Supervisor) -> None:
    with anyio.move_on_after(0.005):
        await call(supervisor, "r", "echo", text="goes")
