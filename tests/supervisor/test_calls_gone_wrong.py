"""Real servers and calls that wait, hang, come late or fail again and again."""

from __future__ import annotations

import os
import signal
from typing import Any

import anyio
import pytest

from gateway.errors import BreakerOpen, CallTimeout, ChildGone, GatewayError, RpcError, ServerBusy, ServerNotReady
from gateway.facts import BreakerMoved
from gateway.model import CallPolicy, HealthPolicy, RestartPolicy, ServerName
from gateway.supervisor.supervisor import Supervisor
from tests.supervisor.running import PATIENCE_S, Heard, call, row, spec, supervised

pytestmark = [pytest.mark.process, pytest.mark.timeout(90)]

QUIET = HealthPolicy(interval_sec=600, timeout_sec=600, stop_timeout_sec=0.3)
"""No probes by themselves: only what a test asks for."""

PROBED = HealthPolicy(interval_sec=0.2, timeout_sec=0.3, failures=3, stop_timeout_sec=0.3)


async def until(supervisor: Supervisor, name: str, **wanted: object) -> dict[str, Any]:
    """Wait until the row of a server shows this."""
    with anyio.fail_after(PATIENCE_S):
        while True:
            now = row(supervisor, name)
            if all(now[key] == value for key, value in wanted.items()):
                return now
            await anyio.sleep(0.01)


async def another_life(supervisor: Supervisor, heard: Heard) -> dict[str, Any]:
    """Wait until the first life is over and the next one serves."""
    await heard.until(lambda: bool(heard.exits("a")))
    return await until(supervisor, "a", state="ready")


class Calls:
    """Calls at the same time, and what came of each."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self.came: dict[str, str | GatewayError] = {}
        self.order: list[str] = []

    async def make(self, label: str, tool: str, *, caller: str = "", seconds: float) -> None:
        try:
            self.came[label] = await call(self.supervisor, "a", tool, caller=caller, seconds=seconds)
        except GatewayError as exc:
            self.came[label] = exc
        self.order.append(label)


async def recognise(supervisor: Supervisor) -> None:
    """Let a serial server be seen as one."""
    calls = Calls(supervisor)
    with anyio.fail_after(PATIENCE_S):
        while row(supervisor, "a")["serial"] is not True:
            async with anyio.create_task_group() as tasks:
                for number in range(7):
                    tasks.start_soon(lambda n=number: calls.make(str(n), "work", seconds=0.15))  # type: ignore[misc]


async def test_more_calls_than_the_child_may_have_wait_and_are_all_answered() -> None:
    wanted = spec("a", "slow.py", call=CallPolicy(max_in_flight=2), health=QUIET)
    async with supervised(wanted) as (supervisor, _):
        calls = Calls(supervisor)
        async with anyio.create_task_group() as tasks:
            for number in range(8):
                tasks.start_soon(lambda n=number: calls.make(str(n), "sleep", seconds=0.1))  # type: ignore[misc]
            shown = await until(supervisor, "a", in_flight=2)
            assert shown["queued"] <= 6
        assert calls.came == {str(number): "slept" for number in range(8)}
        assert (row(supervisor, "a")["queued"], row(supervisor, "a")["in_flight"]) == (0, 0)


async def test_one_agents_many_calls_do_not_starve_anothers_one() -> None:
    wanted = spec("a", "serial.py", call=CallPolicy(max_in_flight=1), health=QUIET)
    async with supervised(wanted) as (supervisor, _):
        calls = Calls(supervisor)
        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(lambda n=number: calls.make(f"many{n}", "work", caller="many", seconds=0.05))  # type: ignore[misc]
            await until(supervisor, "a", queued=19)
            tasks.start_soon(lambda: calls.make("one", "work", caller="one", seconds=0.05))
        assert calls.order.index("one") <= 2
        assert len(calls.order) == 21


async def test_a_cancelled_waiter_was_never_sent() -> None:
    wanted = spec("a", "serial.py", call=CallPolicy(max_in_flight=1), health=QUIET)
    async with supervised(wanted) as (supervisor, _):
        calls = Calls(supervisor)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: calls.make("first", "work", seconds=0.5))
            await until(supervisor, "a", in_flight=1)
            async with anyio.create_task_group() as others:
                others.start_soon(lambda: calls.make("waiter", "work", seconds=0.5))
                await until(supervisor, "a", queued=1)
                others.cancel_scope.cancel()
        assert await call(supervisor, "a", "count") == "1"
        assert "waiter" not in calls.came


async def test_waiting_too_long_is_busy_with_advice_and_was_never_sent() -> None:
    policy = CallPolicy(max_in_flight=1, queue_timeout_sec=0.2)
    async with supervised(spec("a", "serial.py", call=policy, health=QUIET)) as (supervisor, _):
        calls = Calls(supervisor)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: calls.make("first", "work", seconds=1.5))
            await until(supervisor, "a", in_flight=1)
            with pytest.raises(ServerBusy) as caught:
                await call(supervisor, "a", "work")
            assert caught.value.retry_after_s >= 1
        assert await call(supervisor, "a", "count") == "1"


async def test_calls_that_waited_when_the_child_died_are_answered_by_the_next_one() -> None:
    policy = CallPolicy(max_in_flight=1)
    async with supervised(spec("a", "serial.py", call=policy, health=QUIET)) as (supervisor, heard):
        await heard.state("a", "ready")
        pid = row(supervisor, "a")["pid"]
        calls = Calls(supervisor)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: calls.make("sent", "work", seconds=60))
            await until(supervisor, "a", in_flight=1)
            for label in ("w1", "w2"):
                tasks.start_soon(lambda n=label: calls.make(n, "work", seconds=0.01))  # type: ignore[misc]
            await until(supervisor, "a", queued=2)
            os.kill(pid, signal.SIGKILL)
        assert isinstance(calls.came["sent"], ChildGone)
        assert (calls.came["w1"], calls.came["w2"]) == ("worked", "worked")
        assert calls.order[0] == "sent"
        assert await call(supervisor, "a", "count") == "2"


async def test_calls_that_waited_when_the_server_is_stopped_are_told_at_once() -> None:
    policy = CallPolicy(max_in_flight=1)
    async with supervised(spec("a", "serial.py", call=policy, health=QUIET)) as (supervisor, heard):
        await heard.state("a", "ready")
        calls = Calls(supervisor)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: calls.make("sent", "work", seconds=60))
            await until(supervisor, "a", in_flight=1)
            tasks.start_soon(lambda: calls.make("waits", "work", seconds=0.01))
            await until(supervisor, "a", queued=1)
            with anyio.fail_after(PATIENCE_S):
                await supervisor.stop(ServerName("a"))
        waited = calls.came["waits"]
        assert isinstance(waited, ServerNotReady)
        assert waited.state == "stopped"


async def test_when_the_next_life_is_far_away_those_who_wait_are_told_at_once() -> None:
    far = RestartPolicy(restart_sec=600, restart_max_delay_sec=600)
    wanted = spec("a", "serial.py", call=CallPolicy(max_in_flight=1), health=QUIET, restart=far)
    async with supervised(wanted) as (supervisor, heard):
        await heard.state("a", "ready")
        calls = Calls(supervisor)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: calls.make("sent", "work", seconds=60))
            await until(supervisor, "a", in_flight=1)
            tasks.start_soon(lambda: calls.make("waits", "work", seconds=0.01))
            await until(supervisor, "a", queued=1)
            os.kill(row(supervisor, "a")["pid"], signal.SIGKILL)
        waited = calls.came["waits"]
        assert isinstance(waited, ServerNotReady)
        assert (waited.state, (waited.retry_after_s or 0) > 590) == ("backoff", True)


async def test_a_single_threaded_server_is_recognised_and_then_gets_one_call_at_a_time() -> None:
    async with supervised(spec("a", "serial.py", health=QUIET)) as (supervisor, _):
        assert row(supervisor, "a")["serial"] is None
        await recognise(supervisor)
        calls = Calls(supervisor)
        async with anyio.create_task_group() as tasks:
            for number in range(4):
                tasks.start_soon(lambda n=number: calls.make(str(n), "work", seconds=0.2))  # type: ignore[misc]
            assert (await until(supervisor, "a", queued=3))["in_flight"] == 1
        assert set(calls.came.values()) == {"worked"}


@pytest.mark.parametrize("seconds", [0.1, 0.4])
async def test_a_server_that_works_side_by_side_on_calls_of_equal_length_is_not_taken_for_serial(
    seconds: float,
) -> None:
    async with supervised(spec("a", "slow.py", health=QUIET)) as (supervisor, _):
        calls = Calls(supervisor)
        for _ in range(3):
            async with anyio.create_task_group() as tasks:
                for number in range(8):
                    tasks.start_soon(lambda n=number: calls.make(str(n), "sleep", seconds=seconds))  # type: ignore[misc]
        assert row(supervisor, "a")["serial"] is False


async def test_a_serial_server_that_works_longer_than_any_probe_waits_is_not_killed() -> None:
    async with supervised(spec("a", "serial.py", health=PROBED)) as (supervisor, heard):
        pid = (await heard.state("a", "ready")).pid
        await recognise(supervisor)
        assert await call(supervisor, "a", "work", seconds=3, timeout_s=60) == "worked"
        assert (row(supervisor, "a")["pid"], row(supervisor, "a")["restarts"]) == (pid, 0)


async def test_pings_behind_a_call_teach_that_nobody_reads_meanwhile() -> None:
    """No two calls at the same time: only the probes meet a busy server."""
    health = HealthPolicy(interval_sec=0.3, timeout_sec=10, stop_timeout_sec=0.3)
    async with supervised(spec("a", "serial.py", health=health)) as (supervisor, _):
        with anyio.fail_after(60):
            while row(supervisor, "a")["serial"] is not True:
                await call(supervisor, "a", "work", seconds=1.5)


async def test_a_serial_server_that_is_held_still_is_seen_at_once_whatever_it_works_on() -> None:
    wanted = spec("a", "serial.py", health=PROBED, call=CallPolicy(max_in_flight=1))
    async with supervised(wanted) as (supervisor, heard):
        first = (await heard.state("a", "ready")).pid or 0
        calls = Calls(supervisor)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: calls.make("open", "work", seconds=600))
            await until(supervisor, "a", in_flight=1)
            os.kill(first, signal.SIGSTOP)
            await another_life(supervisor, heard)
        assert isinstance(calls.came["open"], ChildGone)
        assert "held still (SIGSTOP)" in heard.states("a")["stopping"][0].reason
        assert heard.exits("a")[0].cause == "hang"


async def test_a_serial_server_that_hangs_is_seen_once_its_calls_deadline_passed() -> None:
    async with supervised(spec("a", "serial.py", health=PROBED)) as (supervisor, heard):
        await heard.state("a", "ready")
        await recognise(supervisor)
        first = row(supervisor, "a")["pid"]
        with pytest.raises(CallTimeout):
            await call(supervisor, "a", "work", seconds=600, timeout_s=1.5)
        after = await another_life(supervisor, heard)
        assert after["pid"] != first
        assert "3 of 3 failed probes" in heard.states("a")["stopping"][0].reason
        assert after["serial"] is True
        assert await call(supervisor, "a", "ok") == "ok"


async def test_a_stopped_one_without_any_call_is_seen_also_where_it_is_serial() -> None:
    wanted = spec("a", "serial.py", health=PROBED, call=CallPolicy(max_in_flight=1))
    async with supervised(wanted) as (supervisor, heard):
        os.kill((await heard.state("a", "ready")).pid or 0, signal.SIGSTOP)
        await another_life(supervisor, heard)
        assert row(supervisor, "a")["serial"] is True


async def test_a_cancelled_call_of_a_serial_server_keeps_its_place_until_a_pong() -> None:
    health = HealthPolicy(interval_sec=600, timeout_sec=30, stop_timeout_sec=0.3)
    wanted = spec("a", "serial.py", health=health, call=CallPolicy(max_in_flight=1))
    async with supervised(wanted) as (supervisor, _):
        await call(supervisor, "a", "ok")
        with anyio.move_on_after(0.2):
            await call(supervisor, "a", "work", seconds=1.5)
        assert await call(supervisor, "a", "count") == "1"
        assert (await until(supervisor, "a", late_answers=1))["restarts"] == 0


async def test_late_answers_are_dropped_and_counted_and_the_caller_of_a_late_one_timed_out() -> None:
    async with supervised(spec("a", "serial.py", health=QUIET)) as (supervisor, _):
        for _ in range(2):
            with pytest.raises(CallTimeout) as caught:
                await call(supervisor, "a", "work", seconds=0.4, timeout_s=0.1)
            assert caught.value.code == "timeout"
            assert await call(supervisor, "a", "ok") == "ok"
        shown = await until(supervisor, "a", late_answers=2)
        assert shown["noise"] == 0


async def test_a_timed_out_call_is_followed_by_a_probe_soon() -> None:
    health = HealthPolicy(interval_sec=600, timeout_sec=0.2, failures=1, stop_timeout_sec=0.3)
    async with supervised(spec("a", "hang.py", "--at", "ping", health=health)) as (supervisor, heard):
        await heard.state("a", "ready")
        with pytest.raises(CallTimeout):
            await call(supervisor, "a", "silent", timeout_s=0.1)
        await another_life(supervisor, heard)
        assert "no answer to ping" in heard.states("a")["stopping"][0].reason


@pytest.mark.parametrize("modern", [True, False])
async def test_both_eras_are_told_of_a_call_that_was_given_up(modern: bool) -> None:
    arguments = ["--modern"] if modern else []
    async with supervised(spec("a", "slow.py", *arguments, health=QUIET)) as (supervisor, heard):
        await heard.state("a", "ready")
        assert row(supervisor, "a")["protocol"] == ("2026-07-28" if modern else "2025-11-25")
        with pytest.raises(CallTimeout):
            await call(supervisor, "a", "sleep", seconds=600, timeout_s=0.1)
        with anyio.move_on_after(0.2):
            await call(supervisor, "a", "sleep", seconds=600)
        assert await call(supervisor, "a", "cancelled") == "2"


def moves(heard: Heard) -> list[tuple[str | None, str]]:
    return [(fact.tool, fact.state) for fact in heard.facts if isinstance(fact, BreakerMoved)]


async def test_a_tool_that_always_breaks_is_held_back_while_its_server_goes_on() -> None:
    health = HealthPolicy(stop_timeout_sec=0.3, breaker_failures=3, breaker_sec=0.3)
    async with supervised(spec("a", "serial.py", health=health)) as (supervisor, heard):
        for caller in ("one", "another", "one"):
            with pytest.raises(RpcError):
                await call(supervisor, "a", "fail", caller=caller)
        with pytest.raises(BreakerOpen) as caught:
            await call(supervisor, "a", "fail")
        assert caught.value.tool == "fail"
        assert await call(supervisor, "a", "ok") == "ok"
        shown = row(supervisor, "a")
        assert (shown["breaker"]["state"], [one["tool"] for one in shown["breakers"]]) == ("closed", ["fail"])
        with anyio.fail_after(PATIENCE_S):
            while row(supervisor, "a")["breakers"][0]["state"] != "half_open":
                await anyio.sleep(0.01)
        for caller in ("one", "another"):
            with pytest.raises(RpcError):
                await call(supervisor, "a", "fail", caller=caller)
        assert 0.3 < row(supervisor, "a")["breakers"][0]["retry_s"] <= 0.6
        assert moves(heard) == [("fail", "open"), ("fail", "half_open"), ("fail", "open")]


async def test_a_server_whose_tools_all_break_is_held_back_until_it_is_started_anew() -> None:
    health = HealthPolicy(stop_timeout_sec=0.3, breaker_failures=4, breaker_sec=600)
    async with supervised(spec("a", "serial.py", health=health)) as (supervisor, heard):
        for tool in ("work", "ok") * 2:
            with pytest.raises(CallTimeout):
                await call(supervisor, "a", tool, seconds=600, timeout_s=0.1)
        with pytest.raises(BreakerOpen) as caught:
            await call(supervisor, "a", "ok")
        assert caught.value.tool is None
        await supervisor.restart(ServerName("a"))
        await another_life(supervisor, heard)
        assert await call(supervisor, "a", "ok") == "ok"
        assert moves(heard) == [(None, "open"), (None, "closed")]


async def test_what_a_tool_says_itself_opens_nothing() -> None:
    health = HealthPolicy(stop_timeout_sec=0.3, breaker_failures=2)
    async with supervised(spec("a", "serial.py", health=health)) as (supervisor, heard):
        for _ in range(6):
            assert await call(supervisor, "a", "not_so") == "no"
            with pytest.raises(RpcError):
                await call(supervisor, "a", "no_such_tool")
        assert moves(heard) == []
        assert row(supervisor, "a")["calls"]["errors"] == 0


async def test_failing_calls_make_a_server_degraded_and_it_still_serves() -> None:
    health = HealthPolicy(interval_sec=600, stop_timeout_sec=0.3, breaker_failures=0)
    async with supervised(spec("a", "serial.py", health=health)) as (supervisor, heard):
        await heard.state("a", "ready")
        for _ in range(5):
            with pytest.raises(RpcError):
                await call(supervisor, "a", "fail")
        shown = row(supervisor, "a")
        assert (shown["state"], shown["health"], shown["reason"]) == (
            "ready", "degraded", "5 of its last 5 calls failed",
        )  # fmt: skip
        assert (shown["calls"]["n"], shown["calls"]["errors"], shown["callable"]) == (5, 5, True)
        for _ in range(6):
            assert await call(supervisor, "a", "ok") == "ok"
        assert row(supervisor, "a")["health"] == "healthy"
