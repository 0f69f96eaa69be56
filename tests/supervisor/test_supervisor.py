"""Real servers under a real supervisor."""

from __future__ import annotations

import json
import time

import anyio
import msgspec
import psutil
import pytest

from gateway.errors import (
    CallTimeout,
    ChildGone,
    NotFound,
    RpcError,
    ServerBusy,
    ServerNotReady,
)
from gateway.facts import ServerForgotten
from gateway.model import CallPolicy, HealthPolicy, ServerName, SessionScope
from tests.supervisor.running import PATIENCE_S, call, row, spec, supervised

pytestmark = pytest.mark.process

SLOWEST_S = 5.0  # far above what is promised (0.5 s), far below any deadline: this machine may be loaded


async def test_servers_of_both_eras_become_ready_and_are_called() -> None:
    async with supervised(spec("old"), spec("new", "echo.py", "--modern")) as (supervisor, heard):
        assert await call(supervisor, "old", "echo", text="a") == "a"
        assert await call(supervisor, "new", "echo", text="b") == "b"
        assert (heard.lists("old")[0].protocol, heard.lists("new")[0].protocol) == ("2025-11-25", "2026-07-28")
        assert (heard.lists("old")[0].instructions, heard.lists("old")[0].server_title) == ("Echoes.", "Echo")
        states = heard.states("old")
        assert list(states) == ["starting", "ready"]


async def test_the_tools_are_told_before_the_server_is_ready() -> None:
    async with supervised(spec("a")) as (_, heard):
        ready = await heard.state("a", "ready")
        assert heard.facts.index(heard.lists("a")[0]) < heard.facts.index(ready)


async def test_all_pages_of_the_tool_list_are_walked() -> None:
    async with supervised(spec("a", "echo.py", "--page", "2")) as (_, heard):
        await heard.state("a", "ready")
        assert len(heard.lists("a")[0].tools) == 6


async def test_list_changed_is_coalesced_into_one_look() -> None:
    async with supervised(spec("a")) as (supervisor, heard):
        await call(supervisor, "a", "add_tool", text="fresh")
        await heard.until(lambda: len(heard.lists("a")) == 2)
        assert "fresh" in {tool.ref.tool for tool in heard.lists("a")[1].tools}
        await call(supervisor, "a", "echo", text="x")
        assert len(heard.lists("a")) == 2


async def test_a_result_passes_as_bytes() -> None:
    async with supervised(spec("a", "rich.py")) as (supervisor, _):
        upstream = await supervisor.acquire(ServerName("a"))
        assert await upstream.request("tools/call", b'{"name":"verbatim"}') == (
            b'{ "content" : [ {"type":"text","text":"\\u00e9 1.0"} , {"type":"hologram","rays":[1.50,2e3]} ],'
            b'"x-future":{"b":1,"a":[null,1e-7]},"_meta":{"vendor/key":"kept"}}'
        )


async def test_progress_arrives_in_order_with_the_callers_token() -> None:
    async with supervised(spec("a", "rich.py")) as (supervisor, _):
        upstream = await supervisor.acquire(ServerName("a"))
        heard: list[tuple[str, dict[str, object]]] = []
        params = b'{"name":"progress","_meta":{"progressToken":"mine"}}'
        await upstream.request("tools/call", params, on_notify=lambda m, p: heard.append((m, json.loads(p))))
        assert [(m, p["progressToken"], p["progress"]) for m, p in heard] == [
            ("notifications/progress", "mine", step) for step in (1, 2, 3)
        ]
        assert heard[0][1]["x-extra"] == 1


async def test_an_rpc_error_keeps_code_and_raw_data() -> None:
    async with supervised(spec("a")) as (supervisor, _):
        with pytest.raises(RpcError, match="unknown tool") as caught:
            await call(supervisor, "a", "nope")
        assert (caught.value.rpc_code, caught.value.data) == (-32602, b'{"asked": 1}')


async def test_the_child_sees_its_own_environment_and_nothing_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/canary")
    monkeypatch.setenv("MCP_GATEWAY_TOKEN", "canary")
    env = {"PATH": "/usr/bin", "KEY": "${secret:K}"}
    async with supervised(spec("a", env=env), secrets={"K": "hidden-value"}) as (supervisor, _):
        lines = (await call(supervisor, "a", "environment")).splitlines()
        seen = dict(line.partition("=")[::2] for line in lines)
        seen.pop("LC_CTYPE", None)  # what the server's own interpreter adds
        assert seen == {"PATH": "/usr/bin", "KEY": "hidden-value", "MCP_GATEWAY_CHILD": "a"}


async def test_secrets_are_blotted_out_of_the_logs() -> None:
    secret = "crasher: about to begin"
    async with supervised(spec("a", "crasher.py", "--at", "never"), secrets={"K": secret}) as (supervisor, heard):
        await heard.state("a", "ready")
        assert "***" in supervisor.logs(ServerName("a"))
        assert secret not in supervisor.logs(ServerName("a"))


async def test_a_deadline_tells_the_child_and_the_caller() -> None:
    async with supervised(spec("a", "slow.py")) as (supervisor, _):
        with pytest.raises(CallTimeout):
            await call(supervisor, "a", "sleep", seconds=600, timeout_s=0.1)
        assert await call(supervisor, "a", "cancelled") == "1"


async def test_progress_extends_the_deadline_up_to_the_limit() -> None:
    policy = CallPolicy(timeout_sec=0.5, max_timeout_sec=1.5)
    async with supervised(spec("a", "slow.py", call=policy)) as (supervisor, _):
        assert await call(supervisor, "a", "sleep", seconds=1, progress_every=0.05) == "slept"
        with pytest.raises(CallTimeout) as caught:
            await call(supervisor, "a", "sleep", seconds=60, progress_every=0.05)
        assert caught.value.after_s >= 1.4


async def test_cancelling_the_waiting_task_tells_the_child() -> None:
    async with supervised(spec("a", "slow.py")) as (supervisor, heard):
        await heard.state("a", "ready")
        with anyio.move_on_after(0.2) as scope:
            await call(supervisor, "a", "sleep", seconds=600)
        assert scope.cancelled_caught
        assert await call(supervisor, "a", "cancelled") == "1"


async def test_more_calls_than_allowed_are_refused_as_busy() -> None:
    async with supervised(spec("a", "slow.py", call=CallPolicy(max_in_flight=1, max_queue=0))) as (supervisor, _):
        upstream = await supervisor.acquire(ServerName("a"))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(upstream.request, "tools/call", b'{"name":"sleep","arguments":{"seconds":600}}')
            await anyio.wait_all_tasks_blocked()
            assert row(supervisor, "a")["in_flight"] == 1
            with pytest.raises(ServerBusy):
                await upstream.request("ping", b"{}")
            tasks.cancel_scope.cancel()


async def test_drain_waits_for_calls_but_not_for_ever() -> None:
    async with supervised(spec("a", "slow.py")) as (supervisor, _):
        upstream = await supervisor.acquire(ServerName("a"))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(upstream.request, "tools/call", b'{"name":"sleep","arguments":{"seconds":0.3}}')
            await anyio.wait_all_tasks_blocked()
            await supervisor.drain(0.01)
            assert row(supervisor, "a")["in_flight"] == 1
            await supervisor.drain(PATIENCE_S)
            assert row(supervisor, "a")["in_flight"] == 0


async def test_an_unchanged_server_keeps_its_pid_when_others_change() -> None:
    keep, go = spec("keep"), spec("go")
    async with supervised(keep, go) as (supervisor, heard):
        await heard.state("keep", "ready")
        pid = row(supervisor, "keep")["pid"]
        described = msgspec.structs.replace(keep, description="other words")
        await supervisor.apply([described, spec("come")])
        await heard.state("come", "ready")
        assert row(supervisor, "keep")["pid"] == pid
        assert [f.server for f in heard.facts if isinstance(f, ServerForgotten)] == ["go"]
        assert [r["name"] for r in supervisor.status()] == ["come", "keep"]
        with pytest.raises(ServerNotReady, match="no such server"):
            await supervisor.acquire(ServerName("go"))


async def test_a_changed_command_replaces_the_process() -> None:
    async with supervised(spec("a")) as (supervisor, heard):
        await heard.state("a", "ready")
        await supervisor.apply([spec("a", "echo.py", "--tool", "say")])
        await heard.state("a", "ready", times=2)
        assert await call(supervisor, "a", "say", text="x") == "x"


async def test_a_stopped_server_stays_stopped_until_it_is_started() -> None:
    wanted = spec("a")
    async with supervised(wanted) as (supervisor, heard):
        await heard.state("a", "ready")
        await supervisor.stop(ServerName("a"))
        assert (row(supervisor, "a")["state"], row(supervisor, "a")["pid"]) == ("stopped", None)
        await supervisor.apply([msgspec.structs.replace(wanted, description="new")])
        with pytest.raises(ServerNotReady, match="stopped by request"):
            await supervisor.acquire(ServerName("a"))
        await supervisor.start(ServerName("a"))
        assert await call(supervisor, "a", "echo", text="x") == "x"


async def test_a_restart_gives_a_new_process() -> None:
    async with supervised(spec("a")) as (supervisor, heard):
        await heard.state("a", "ready")
        pid = row(supervisor, "a")["pid"]
        await supervisor.restart(ServerName("a"))
        assert await call(supervisor, "a", "echo", text="x") == "x"
        assert row(supervisor, "a")["pid"] != pid


async def test_unknown_servers_are_not_found() -> None:
    async with supervised() as (supervisor, _):
        for verb in (supervisor.start, supervisor.stop, supervisor.restart):
            with pytest.raises(NotFound):
                await verb(ServerName("nobody"))
        with pytest.raises(NotFound):
            supervisor.logs(ServerName("nobody"))


async def test_each_session_of_a_per_session_server_has_its_own_child_until_it_is_released() -> None:
    async with supervised(spec("a", "crasher.py", session=SessionScope.PER_SESSION)) as (supervisor, heard):
        shared = await call(supervisor, "a", "pid")
        one = await call(supervisor, "a", "pid", instance="one")
        two = await call(supervisor, "a", "pid", instance="two")
        assert len({shared, one, two}) == 3
        assert await call(supervisor, "a", "pid", instance="one") == one
        assert row(supervisor, "a")["instances"] == 2
        process = psutil.Process(int(one))
        await supervisor.release("one")
        await anyio.to_thread.run_sync(lambda: psutil.wait_procs([process], timeout=10))
        assert not process.is_running()
        assert row(supervisor, "a")["instances"] == 1
        assert len(heard.lists("a")) == 1


async def test_a_shared_server_does_not_care_for_instances() -> None:
    async with supervised(spec("a", "crasher.py")) as (supervisor, _):
        assert await call(supervisor, "a", "pid", instance="x") == await call(supervisor, "a", "pid", instance="y")


async def test_the_status_row_has_all_figures() -> None:
    async with supervised(spec("a")) as (supervisor, heard):
        await heard.state("a", "ready")
        figures = row(supervisor, "a")
        assert figures["rss_bytes"] > 1_000_000
        assert figures["open_fds"] >= 3
        assert figures["cpu_percent"] is not None
        assert figures["uptime_s"] >= 0
        assert (figures["transport"], figures["protocol"], figures["last_exit"]) == ("stdio", "2025-11-25", None)


async def test_followers_of_a_log_get_new_lines() -> None:
    async with supervised(spec("a", "crasher.py")) as (supervisor, heard):
        await heard.state("a", "ready")
        follower = supervisor.follow_logs(ServerName("a"))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(supervisor.restart, ServerName("a"))
            with anyio.fail_after(PATIENCE_S):
                async for line in follower:
                    if line == "crasher: about to begin":
                        break
        await follower.aclose()  # type: ignore[attr-defined]
        assert row(supervisor, "a")["restarts"] <= 1


async def test_the_death_of_a_callers_own_child_is_told_and_its_states_are_not() -> None:
    async with supervised(spec("a", "crasher.py", session=SessionScope.PER_SESSION)) as (supervisor, heard):
        with pytest.raises(ChildGone):
            await call(supervisor, "a", "crash", instance="mine")
        await heard.until(lambda: len(heard.exits("a")) == 1)
        (end,) = heard.exits("a")
        assert (end.cause, end.code, end.was_wanted) == ("exit", 3, True)
        assert "backoff" not in heard.states("a")


async def test_a_follower_outlives_the_server_being_removed_and_added_again() -> None:
    async with supervised(spec("a", "crasher.py")) as (supervisor, heard):
        await heard.state("a", "ready")
        follower = supervisor.follow_logs(ServerName("a"))
        with anyio.fail_after(PATIENCE_S):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(supervisor.apply, [])
                assert "no longer here" in await anext(follower)
                await supervisor.apply([spec("a", "crasher.py")])
                lines = [await anext(follower), await anext(follower)]
        await follower.aclose()  # type: ignore[attr-defined]
        assert lines == ["[mcp-gateway] starting a", "crasher: about to begin"]


async def test_at_the_end_every_child_is_stopped_even_the_deaf_ones() -> None:
    pids = []
    health = HealthPolicy(stop_timeout_sec=0.2)
    began = 0.0
    deaf = [spec(f"deaf{n}", "deaf.py", health=health) for n in range(4)]
    async with supervised(*deaf, spec("a")) as (supervisor, heard):
        for server in [*deaf, spec("a")]:
            await heard.state(server.name, "ready")
        pids = [r["pid"] for r in supervisor.status()]
        began = time.monotonic()
    assert len(pids) == 5
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert time.monotonic() - began < SLOWEST_S  # together, not one after the other


async def test_a_stopped_supervisor_tells_that_its_children_are_stopped() -> None:
    async with supervised(spec("a")) as (_, heard):
        await heard.state("a", "ready")
    assert heard.states("a")["stopped"][-1].reason == "the gateway is stopping"
