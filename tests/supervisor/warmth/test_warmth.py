"""Servers that sleep: real servers under a real supervisor."""

from __future__ import annotations

from typing import Any

import anyio
import msgspec
import psutil
import pytest

from gateway.errors import ServerNotReady
from gateway.facts import WarmStart
from gateway.model import CallPolicy, HealthPolicy, ServerName, ServerSpec, SessionScope, StartPolicy, StdioLaunch
from gateway.supervisor.supervisor import Supervisor
from gateway.supervisor.warmth import prestarts
from tests.supervisor.running import PATIENCE_S, SERVERS, Heard, call, row, spec, supervised

pytestmark = [pytest.mark.process, pytest.mark.timeout(90)]

A = ServerName("a")
KNOWN: dict[str, Any] = {"knows_tools": lambda _: True}
SOON_S = 0.3


def sleeper(
    script: str = "crasher.py",
    *arguments: str,
    lazy: bool = True,
    idle_s: float | None = None,
    keep_warm: int = 0,
    prestart: bool = False,
    **more: Any,
) -> ServerSpec:
    """A server with a start policy."""
    start = StartPolicy(lazy=lazy, idle_stop_sec=idle_s, keep_warm=keep_warm, prestart=prestart)
    return msgspec.structs.replace(spec("a", script, *arguments, **more), start=start)


async def resting(supervisor: Supervisor, heard: Heard, times: int = 1) -> None:
    """Wait until it was put to rest so many times, and stopped."""
    await heard.until(
        lambda: (
            len([f for f in heard.states("a").get("stopped", []) if "at rest" in f.reason]) >= times
            and row(supervisor, "a")["state"] == "stopped"
        )
    )
    assert row(supervisor, "a")["resting"]


def warm_starts(heard: Heard) -> list[str]:
    return [fact.outcome for fact in heard.facts if isinstance(fact, WarmStart)]


async def test_a_lazy_server_starts_with_the_first_call_which_goes_through() -> None:
    async with supervised(sleeper(), **KNOWN) as (supervisor, heard):
        before = row(supervisor, "a")
        assert (before["state"], before["health"], before["resting"]) == ("stopped", "healthy", True)
        assert (before["callable"], before["advertised"], before["restarts"]) == (True, True, 0)
        assert before["reason"] == "at rest: starts with the next call"
        assert heard.states("a")["stopped"][0].reason == before["reason"]  # whoever counts states hears it
        assert supervisor.resting() == {A}
        pid = await call(supervisor, "a", "pid")
        after = row(supervisor, "a")
        assert (after["state"], after["pid"], after["resting"], after["restarts"]) == ("ready", int(pid), False, 0)
        assert supervisor.resting() == frozenset()


async def test_a_lazy_server_whose_tools_nobody_knows_lists_them_once_and_rests() -> None:
    async with supervised(sleeper()) as (supervisor, heard):
        await resting(supervisor, heard)
        assert len(heard.lists("a")) == 1
        assert [fact.cause for fact in heard.exits("a")] == ["idle"]
        assert not heard.exits("a")[0].was_wanted
        await call(supervisor, "a", "pid")
        assert row(supervisor, "a")["restarts"] == 0


async def test_a_lazy_server_that_has_no_tools_yet_goes_on_running() -> None:
    script = (SERVERS / "tiny.sh").read_text()
    start, end = script.index('"tools":['), script.index("]}}")
    script = f'{script[:start]}"tools":[{script[end:]}'
    toolless = msgspec.structs.replace(sleeper(), launch=StdioLaunch(("/bin/sh", "-c", script)))
    async with supervised(toolless) as (_, heard):
        await heard.state("a", "ready")
        assert heard.lists("a")[0].tools == ()
        with anyio.move_on_after(0.3):
            await heard.state("a", "stopping")
        assert "stopping" not in heard.states("a")


async def test_one_that_is_replaced_while_its_tools_are_looked_at_rests_afterwards() -> None:
    async with supervised(sleeper("slow.py", "--start", "600")) as (supervisor, heard):
        await supervisor.apply([sleeper("echo.py")])
        await resting(supervisor, heard)
        assert len(heard.lists("a")) == 1


async def test_a_call_while_its_tools_are_looked_at_keeps_it() -> None:
    async with supervised(sleeper()) as (supervisor, heard):
        pid = await call(supervisor, "a", "pid")
        assert await call(supervisor, "a", "pid") == pid
        assert "stopping" not in heard.states("a")


async def test_many_callers_wait_for_one_start_and_longer_than_for_a_server_that_does_not_sleep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.supervisor.supervisor.ACQUIRE_WAIT_S", 0.01)
    async with supervised(sleeper("slow.py", "--start", "1"), **KNOWN) as (supervisor, heard):
        answers: list[str] = []

        async def one() -> None:
            answers.append(await call(supervisor, "a", "sleep", seconds=0))

        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(one)
        assert answers == ["slept"] * 10
        assert len(heard.states("a")["starting"]) == 1


@pytest.mark.parametrize(
    ("spec_", "patience_s"),
    [
        (sleeper(health=HealthPolicy(start_timeout_sec=50, stop_timeout_sec=2)), 56.0),
        (sleeper(lazy=False, idle_s=9.0, health=HealthPolicy(start_timeout_sec=50, stop_timeout_sec=2)), 56.0),
        (sleeper(call=CallPolicy(timeout_sec=20)), 20.0),
        (sleeper(lazy=False), None),
    ],
)
async def test_a_caller_waits_as_long_as_a_start_may_take_but_not_longer_than_a_call(
    spec_: ServerSpec, patience_s: float | None
) -> None:
    async with supervised(spec_, **KNOWN) as (supervisor, _):
        assert supervisor._warmth.patience_s(supervisor._children.of(A)[0]) == patience_s


async def test_a_start_that_fails_is_told_to_the_caller_and_it_rests_no_more() -> None:
    async with supervised(sleeper("crasher.py", "--at", "start"), **KNOWN) as (supervisor, heard):
        with pytest.raises(ServerNotReady, match="exited with status 3"):
            await call(supervisor, "a", "pid")
        broken = row(supervisor, "a")
        assert not broken["resting"]
        assert broken["health"] == "unhealthy" or broken["state"] == "starting"
        await heard.state("a", "failed")
        assert not row(supervisor, "a")["callable"]


async def test_an_idle_server_is_put_to_rest_and_the_next_call_starts_it() -> None:
    async with supervised(sleeper(lazy=False, idle_s=SOON_S)) as (supervisor, heard):
        first = await call(supervisor, "a", "pid")
        await resting(supervisor, heard)
        assert "nobody used it for 0.3 s" in row(supervisor, "a")["reason"]
        assert heard.exits("a")[0].cause == "idle"
        assert await call(supervisor, "a", "pid") != first
        figures = row(supervisor, "a")
        assert (figures["restarts"], figures["restart_causes"], figures["health"]) == (0, {}, "healthy")


async def test_a_call_longer_than_the_limit_is_use_until_its_end() -> None:
    async with supervised(sleeper("slow.py", lazy=False, idle_s=SOON_S)) as (supervisor, heard):
        assert await call(supervisor, "a", "sleep", seconds=4 * SOON_S) == "slept"
        assert "stopping" not in heard.states("a")
        await resting(supervisor, heard)


async def test_probes_are_no_use() -> None:
    health = HealthPolicy(interval_sec=0.05, stop_timeout_sec=1.0)
    async with supervised(sleeper(lazy=False, idle_s=1.0, health=health)) as (supervisor, heard):
        await resting(supervisor, heard)


async def test_no_call_is_lost_however_calls_and_rests_race() -> None:
    idle_s = 0.02
    lost: list[Exception] = []
    answered = 0

    async with supervised(sleeper("echo.py", lazy=False, idle_s=idle_s)) as (supervisor, heard):

        async def caller(number: int) -> None:
            nonlocal answered
            for turn in range(6):
                text = f"{number} {turn}"
                try:
                    assert await call(supervisor, "a", "echo", text=text) == text
                    answered += 1
                except ServerNotReady as exc:
                    lost.append(exc)
                await anyio.sleep(idle_s * ((number * 7 + turn * 3) % 5) / 2)

        with anyio.fail_after(PATIENCE_S * 3):
            async with anyio.create_task_group() as tasks:
                for number in range(20):
                    tasks.start_soon(caller, number)
        for _ in range(3):  # and one by one, each after a rest
            await resting(supervisor, heard)
            assert await call(supervisor, "a", "echo", text="x") == "x"
        assert lost == []
        assert answered == 120
        assert row(supervisor, "a")["restarts"] == 0


async def test_a_call_that_comes_while_it_stops_waits_for_the_next_life() -> None:
    health = HealthPolicy(stop_timeout_sec=0.5)
    async with supervised(sleeper("deaf.py", lazy=False, idle_s=SOON_S, health=health)) as (supervisor, heard):
        stopping = await heard.state("a", "stopping")
        assert row(supervisor, "a")["callable"]
        upstream = await supervisor.acquire(A)
        assert await upstream.request("ping", b"{}") == b"{}"
        assert row(supervisor, "a")["pid"] != stopping.pid


async def test_idle_stops_do_not_eat_the_start_limit() -> None:
    async with supervised(sleeper(lazy=False, idle_s=0.05)) as (supervisor, heard):
        for times in range(1, 8):  # the limit is 5 starts
            await resting(supervisor, heard, times)
            await call(supervisor, "a", "pid")
        assert row(supervisor, "a")["restarts"] == 0


async def test_a_person_who_stops_a_resting_server_is_obeyed_and_who_starts_it_too() -> None:
    async with supervised(sleeper(), **KNOWN) as (supervisor, heard):
        await supervisor.stop(A)
        stopped = row(supervisor, "a")
        assert (stopped["resting"], stopped["callable"], stopped["reason"]) == (False, False, "stopped by request")
        with pytest.raises(ServerNotReady, match="stopped by request"):
            await call(supervisor, "a", "pid")
        await supervisor.start(A)
        await heard.state("a", "ready")


async def test_start_and_restart_wake_a_resting_server_without_a_call() -> None:
    for order in ("start", "restart"):
        async with supervised(sleeper(), **KNOWN) as (supervisor, heard):
            await getattr(supervisor, order)(A)
            await heard.state("a", "ready")
            assert not row(supervisor, "a")["resting"]


async def test_a_callers_own_child_ends_when_idle_and_the_next_call_gets_a_new_one() -> None:
    wanted = sleeper(lazy=False, idle_s=SOON_S, session=SessionScope.PER_SESSION)
    async with supervised(wanted) as (supervisor, heard):
        first = await call(supervisor, "a", "pid", instance="mine")
        process = psutil.Process(int(first))
        await resting(supervisor, heard)  # the shared one, which nobody calls
        await anyio.to_thread.run_sync(lambda: psutil.wait_procs([process], timeout=PATIENCE_S))
        assert not process.is_running()
        assert await call(supervisor, "a", "pid", instance="mine") != first
        assert row(supervisor, "a")["instances"] == 1


async def test_many_callers_with_own_children_lose_no_call_either() -> None:
    wanted = sleeper("echo.py", lazy=False, idle_s=0.02, session=SessionScope.PER_SESSION)
    async with supervised(wanted) as (supervisor, _):

        async def caller(number: int) -> None:
            for turn in range(4):
                assert await call(supervisor, "a", "echo", instance=f"i{number}", text="x") == "x"
                await anyio.sleep(0.02 * ((number + turn) % 3))

        with anyio.fail_after(PATIENCE_S * 3):
            async with anyio.create_task_group() as tasks:
                for number in range(5):
                    tasks.start_soon(caller, number)


async def test_a_warm_shared_server_is_never_put_to_rest() -> None:
    async with supervised(sleeper(lazy=False, idle_s=0.05, keep_warm=1)) as (supervisor, heard):
        await heard.state("a", "ready")
        with anyio.move_on_after(0.5):
            await heard.state("a", "stopping")
        assert "stopping" not in heard.states("a")
        assert row(supervisor, "a")["state"] == "ready"


async def test_a_changed_policy_is_adopted_without_a_restart() -> None:
    async with supervised(sleeper(lazy=False)) as (supervisor, heard):
        pid = await call(supervisor, "a", "pid")
        await supervisor.apply([sleeper(lazy=False, idle_s=600.0)])
        assert await call(supervisor, "a", "pid") == pid
        await supervisor.apply([sleeper(lazy=False, idle_s=SOON_S)])
        assert row(supervisor, "a")["pid"] == int(pid)
        await resting(supervisor, heard)
        await supervisor.apply([sleeper(lazy=False, idle_s=600.0)])
        assert row(supervisor, "a")["resting"]
        await supervisor.apply([sleeper(lazy=False)])
        await heard.state("a", "ready", times=2)


async def test_a_resting_server_that_is_launched_otherwise_is_looked_at_and_rests_again() -> None:
    async with supervised(sleeper("echo.py"), **KNOWN) as (supervisor, heard):
        assert row(supervisor, "a")["resting"]
        await supervisor.apply([sleeper("echo.py", "--tool", "say")])
        await heard.until(lambda: bool(heard.lists("a")))
        await resting(supervisor, heard, times=2)
        assert await call(supervisor, "a", "say", text="x") == "x"


async def test_a_resting_server_is_handed_over_tried_and_rests_again() -> None:
    async with supervised(sleeper("echo.py"), **KNOWN) as (supervisor, heard):
        other = sleeper("echo.py", "--tool", "say")
        await supervisor.hand_over(other, ready_s=PATIENCE_S, drain_s=1.0)
        await resting(supervisor, heard, times=2)
        assert await call(supervisor, "a", "say", text="x") == "x"


async def test_a_predicted_server_is_started_ahead_and_the_call_finds_it_ready() -> None:
    async with supervised(sleeper(prestart=True), **KNOWN) as (supervisor, heard):
        supervisor.prestart(A)
        await heard.state("a", "ready")
        assert warm_starts(heard) == ["started"]
        await call(supervisor, "a", "pid")
        await call(supervisor, "a", "pid")
        assert warm_starts(heard) == ["started", "used"]
        figures = row(supervisor, "a")
        assert (figures["prestarts"], figures["wasted_starts"], figures["restarts"]) == (1, 0, 0)


async def test_a_start_ahead_that_nobody_used_is_wasted() -> None:
    async with supervised(sleeper(prestart=True, idle_s=SOON_S), **KNOWN) as (supervisor, heard):
        supervisor.prestart(A)
        await resting(supervisor, heard, times=2)
        assert warm_starts(heard) == ["started", "wasted"]
        supervisor.prestart(A)  # it is not trusted any more
        assert row(supervisor, "a")["resting"]
        figures = row(supervisor, "a")
        assert (figures["prestarts"], figures["wasted_starts"]) == (1, 1)
        await call(supervisor, "a", "pid")  # the prediction was right, by luck
        await resting(supervisor, heard, times=3)
        supervisor.prestart(A)
        await heard.until(lambda: warm_starts(heard) == ["started", "wasted", "started"])


async def test_without_an_idle_limit_a_wasted_start_ends_when_it_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prestarts, "HORIZON_S", 1.0)
    async with supervised(sleeper(prestart=True), **KNOWN) as (supervisor, heard):
        supervisor.prestart(A)
        await resting(supervisor, heard, times=2)
        assert "started ahead, and not used" in row(supervisor, "a")["reason"]
        assert warm_starts(heard) == ["started", "wasted"]


async def test_nothing_is_started_ahead_that_does_not_rest_or_was_not_meant() -> None:
    async with supervised(sleeper(), **KNOWN) as (supervisor, heard):
        supervisor.prestart(A)
        supervisor.prestart(ServerName("nobody"))
        assert row(supervisor, "a")["resting"]
        await supervisor.apply([sleeper(prestart=True)])
        await supervisor.stop(A)
        supervisor.prestart(A)
        assert row(supervisor, "a")["state"] == "stopped"
        await supervisor.start(A)
        await heard.state("a", "ready")
        supervisor.prestart(A)
        assert warm_starts(heard) == []
