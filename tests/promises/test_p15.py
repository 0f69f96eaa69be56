"""P15: a calendar that jumps (a year ahead, a year back) changes nothing: all durations are the monotonic clock's."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import anyio
import pytest

from gateway.clock import SystemClock
from gateway.errors import BreakerOpen, CallTimeout, ServerNotReady
from gateway.model import HealthPolicy, RestartPolicy
from tests.e2e.harness import ROOT, python_server, running_gateway
from tests.e2e.wire import Legacy, Modern, text_of
from tests.fakes import FakeClock
from tests.promises.kept import kept
from tests.supervisor.running import call, row, spec

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

YEAR_S = 365 * 24 * 3600.0
JUMPS = (YEAR_S, -YEAR_S)
INJECTED = Path(__file__).parent / "injected"


class JumpingClock(SystemClock):
    """The machine's clocks, of which somebody sets the calendar."""

    def __init__(self) -> None:
        self.offset = 0.0

    def wall(self) -> float:
        """Seconds since the epoch, as they say."""
        return super().wall() + self.offset


@pytest.mark.parametrize("jump_s", JUMPS)
async def test_p15_a_back_off_takes_as_long_as_it_would(jump_s: float) -> None:
    clock = JumpingClock()
    policy = RestartPolicy(restart_sec=0.5, restart_max_delay_sec=0.5)
    async with kept(spec("a", restart=policy), clock=clock) as (supervisor, heard):
        pid = (await heard.state("a", "ready")).pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await heard.state("a", "backoff")
        clock.offset += jump_s
        assert 0 <= row(supervisor, "a")["next_retry_s"] <= 0.5 * 1.25
        await heard.ready_but("a", pid)
        assert heard.times("a", "starting")[1] - heard.times("a", "backoff")[0] >= 0.45


@pytest.mark.parametrize("jump_s", JUMPS)
async def test_p15_a_crash_loop_is_one_whatever_the_calendar_says(jump_s: float) -> None:
    clock = JumpingClock()
    async with kept(spec("a"), clock=clock) as (supervisor, heard):
        pids: list[int | None] = []
        for _ in range(5):
            pids.append(await heard.ready_but("a", *pids))
            clock.offset += jump_s
            os.kill(pids[-1] or 0, signal.SIGKILL)
        assert "5 times within 300 s" in (await heard.state("a", "failed")).reason
        clock.offset += jump_s
        assert 590 < row(supervisor, "a")["next_retry_s"] <= 600


async def test_p15_a_year_on_the_calendar_is_no_minute_of_being_well(clock: FakeClock) -> None:
    policy = RestartPolicy(restart_sec=0.02, restart_max_delay_sec=10)
    async with kept(spec("a", restart=policy), clock=clock) as (_, heard):
        for life, bottom in enumerate([0.02, 0.04, 0.08], 1):
            pid = (await heard.state("a", "ready", times=life)).pid
            clock.jump_wall(YEAR_S)
            os.kill(pid or 0, signal.SIGKILL)
            assert ((await heard.state("a", "backoff", times=life)).next_retry_s or 0) >= bottom


@pytest.mark.parametrize("jump_s", JUMPS)
async def test_p15_calls_in_flight_their_deadlines_and_the_uptime_do_not_notice(jump_s: float) -> None:
    clock = JumpingClock()
    health = HealthPolicy(interval_sec=0.2, stop_timeout_sec=0.3)
    async with kept(spec("a", "slow.py", health=health), clock=clock) as (supervisor, heard):
        await heard.state("a", "ready")
        said: list[str] = []

        async def long_call() -> None:
            said.append(await call(supervisor, "a", "sleep", seconds=2))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(long_call)
            tasks.start_soon(_jump_soon, clock, jump_s)
            with pytest.raises(CallTimeout) as caught:
                await call(supervisor, "a", "sleep", seconds=60, timeout_s=1.0)
            assert 0.9 <= caught.value.after_s < 10
        assert said == ["slept"]
        found = row(supervisor, "a")
        assert (found["state"], found["health"], found["restarts"]) == ("ready", "healthy", 0)
        assert 0 < found["uptime_s"] < 100


async def _jump_soon(clock: JumpingClock, jump_s: float) -> None:
    await anyio.sleep(0.2)
    clock.offset += jump_s


@pytest.mark.parametrize("jump_s", JUMPS)
async def test_p15_an_open_breaker_stays_open_for_as_long_as_it_would(jump_s: float) -> None:
    clock = JumpingClock()
    failing = spec("a", "hang.py", health=HealthPolicy(breaker_failures=3, stop_timeout_sec=0.3))
    async with kept(failing, clock=clock) as (supervisor, heard):
        await heard.state("a", "ready")
        for _ in range(3):
            with pytest.raises(CallTimeout):
                await call(supervisor, "a", "silent", timeout_s=0.05)
        clock.offset += jump_s
        with pytest.raises((BreakerOpen, ServerNotReady)) as caught:
            await call(supervisor, "a", "silent", timeout_s=0.05)
        assert isinstance(caught.value, BreakerOpen)
        assert 0 < (caught.value.retry_after_s or 0) <= 30 * 1.5


@pytest.mark.parametrize("jump_s", JUMPS)
def test_p15_sessions_of_a_running_gateway_live_through_it(tmp_path: Path, jump_s: float) -> None:
    calendar = tmp_path / "offset"
    environment = {"WALL_OFFSET": str(calendar), "PYTHONPATH": f"{INJECTED}:{ROOT}"}
    servers = {"echo": python_server("echo.py")}
    with running_gateway(tmp_path, servers=servers, environment=environment) as gateway:
        gateway.wait_ready("echo")
        pid = gateway.server("echo")["pid"]
        with Legacy(gateway.url, gateway.token) as client, Modern(gateway.url, gateway.token) as modern:
            tools = client.tools()
            assert text_of(client.call("echo__echo", {"text": "before"})) == "before"
            calendar.write_text(str(jump_s))
            assert text_of(client.call("echo__echo", {"text": "after"})) == "after"
            assert client.tools() == tools
            assert text_of(modern.call("echo__echo", {"text": "modern"})) == "modern"
            calendar.write_text("0")
            assert text_of(client.call("echo__echo", {"text": "and back"})) == "and back"
        rows = gateway.cli("calls", "--limit", "10")["calls"]
        assert len(rows) == 4  # and the calendar's jump really reached it:
        years = {row["at"][:4] for row in rows}
        assert len(years) == 2
        assert (gateway.server("echo")["pid"], gateway.server("echo")["restarts"]) == (pid, 0)
