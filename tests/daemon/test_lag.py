"""How late the loop is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import anyio
import pytest

from gateway.clock import SystemClock
from gateway.daemon.lag import LAG_LIMIT_S, REMEMBERED_S, TICK_LIMIT_S, LagMeter, feed, is_well
from tests.fakes import FakeClock

ROOT = Path(__file__).parents[2]


class FakeAlarm:
    """Remembers whether it would ring."""

    def __init__(self) -> None:
        self.set_to: list[float] = []
        self.is_set = False

    def set(self, after_s: float) -> None:
        self.set_to.append(after_s)
        self.is_set = True

    def cancel(self) -> None:
        self.is_set = False


@pytest.mark.parametrize(
    ("lag_s", "since_tick_s", "expected"),
    [
        (0.0, 0.0, True),
        (LAG_LIMIT_S - 0.1, TICK_LIMIT_S - 0.1, True),
        (LAG_LIMIT_S, 0.0, False),
        (0.0, TICK_LIMIT_S, False),
        (0.0, None, True),  # nobody is supervised yet
    ],
)
def test_a_sign_of_life_needs_a_loop_in_time_and_a_supervisor_that_goes_round(
    lag_s: float, since_tick_s: float | None, expected: bool
) -> None:
    assert is_well(lag_s, since_tick_s) is expected


async def test_no_sign_of_life_is_given_while_all_is_not_well_and_one_as_soon_as_it_is() -> None:
    asked, said = anyio.Event(), anyio.Event()
    answers = iter([False, False])

    def is_well_now() -> bool:
        answer = next(answers, True)
        if answer:
            assert not said.is_set()
            asked.set()
        return answer

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: feed(said.set, is_well_now, interval_s=600, look_s=0.01))
        with anyio.fail_after(20):
            await said.wait()
        assert asked.is_set()
        tasks.cancel_scope.cancel()


def test_the_worst_delay_of_the_last_minute_is_remembered(clock: FakeClock) -> None:
    meter = LagMeter(clock, FakeAlarm())
    assert meter.worst_s == 0.0
    for lag_s in (0.1, 2.0, 0.5):
        clock.advance(1)
        meter._note(clock.now(), lag_s)
    assert (meter.worst_s, meter.now_s) == (2.0, 0.5)
    clock.advance(REMEMBERED_S - 0.5)  # the worst one is forgotten, the one after it is not
    assert meter.worst_s == 0.5
    clock.advance(1)
    assert meter.worst_s == 0.0


async def test_a_callback_that_blocks_shows_at_once_and_is_over_when_it_is_over() -> None:
    alarm = FakeAlarm()
    meter = LagMeter(SystemClock(), alarm, every_s=0.01, stall_s=7.0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(meter.run)
        await anyio.sleep(0)
        threading.Event().wait(0.5)  # the loop stands still
        assert meter.now_s >= 0.4  # although nothing has been measured yet
        with anyio.fail_after(20):
            while meter.now_s >= 0.4:
                await anyio.sleep(0.01)
        assert meter.worst_s >= 0.4
        assert alarm.is_set
        assert set(alarm.set_to) == {7.01}
        tasks.cancel_scope.cancel()
    assert not alarm.is_set


STUCK = """
import anyio, threading
from gateway.clock import SystemClock
from gateway.daemon.lag import LagMeter, TracebackAlarm

def where_it_stands():
    threading.Event().wait(1.5)

async def main():
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(LagMeter(SystemClock(), TracebackAlarm(), every_s=0.05, stall_s=0.3).run)
        await anyio.sleep(0.2)
        where_it_stands()
        tasks.cancel_scope.cancel()

anyio.run(main)
"""

ASKED = """
import sys
from gateway.daemon.lag import show_tracebacks_on_request

def where_it_stands():
    print("here", flush=True)
    for line in sys.stdin:
        print(line, flush=True)

show_tracebacks_on_request()
where_it_stands()
"""


@pytest.mark.process
def test_a_loop_that_does_not_come_back_shows_where_it_stands() -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", STUCK], env=env, capture_output=True, text=True, timeout=30, check=True
    )
    assert "where_it_stands" in done.stderr


@pytest.mark.process
def test_a_signal_shows_where_everything_stands_and_ends_nothing() -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    asked = subprocess.Popen([sys.executable, "-c", ASKED], env=env, text=True, stdin=pipe, stdout=pipe, stderr=pipe)
    assert asked.stdout is not None
    assert asked.stdout.readline() == "here\n"
    asked.send_signal(signal.SIGUSR1)
    _, said = asked.communicate("go on\n", timeout=30)
    assert asked.returncode == 0
    assert "where_it_stands" in said
