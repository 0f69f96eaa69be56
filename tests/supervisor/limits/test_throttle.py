"""Holding a server and letting it go."""

from __future__ import annotations

import os
import signal
import sys

import anyio
import pytest

from gateway.clock import SystemClock
from gateway.supervisor.limits.throttle import Throttle
from gateway.supervisor.processes.procfs import TICK_S, Seen
from tests.supervisor.limits.processes import BUSY, SLEEP, running, seen
from tests.supervisor.limits.test_ending import is_stopped, state
from tests.supervisor.running import PATIENCE_S

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there is no /proc elsewhere"),
]
CLOCK = SystemClock()


def is_let_go(pid: int) -> bool:
    """Wait until it runs again (bounded by the test's own timeout)."""
    while state(pid) == "T":
        os.sched_yield()
    return True


async def held(throttle: Throttle) -> None:
    with anyio.fail_after(PATIENCE_S):
        while not throttle._held:
            await anyio.sleep(0.001)


async def test_a_busy_process_is_held_again_and_again_and_let_go_in_the_end() -> None:
    with running(BUSY) as busy:
        throttle = Throttle(0.1, lambda: [seen(busy.pid)], clock=CLOCK)
        may_hold = True
        ticks, began = seen(busy.pid).ticks, CLOCK.now()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(throttle.run, lambda: may_hold)
            await held(throttle)
            while throttle.held_s < 2:
                await anyio.sleep(0.01)
            taken = (seen(busy.pid).ticks - ticks) * TICK_S / (CLOCK.now() - began)
            await held(throttle)
            assert is_stopped(busy.pid)
            may_hold = False
        assert 0 < taken < 0.3
        assert is_let_go(busy.pid)


async def test_whoever_is_cancelled_lets_go() -> None:
    with running(BUSY) as busy:
        throttle = Throttle(0.01, lambda: [seen(busy.pid)], clock=CLOCK)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(throttle.run, lambda: True)
            await held(throttle)
            tasks.cancel_scope.cancel()
        assert is_let_go(busy.pid)


async def test_one_that_somebody_else_is_about_to_end_stays_held() -> None:
    with running(BUSY) as busy:
        throttle = Throttle(0.01, lambda: [seen(busy.pid)], clock=CLOCK)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(throttle.run, lambda: True)
            await held(throttle)
            throttle.forget()
            tasks.cancel_scope.cancel()
        assert is_stopped(busy.pid)
        busy.send_signal(signal.SIGCONT)


async def test_an_idle_process_is_never_held() -> None:
    with running(SLEEP) as idle:
        throttle = Throttle(0.5, lambda: [seen(idle.pid)], clock=CLOCK)
        with anyio.move_on_after(1):
            await throttle.run(lambda: True)
        assert throttle.held_s == 0


async def test_a_number_that_has_come_to_mean_another_process_is_left_alone() -> None:
    with running(BUSY) as busy:
        one = seen(busy.pid)
        before: list[Seen] = [one._replace(born=one.born - 1)]
        throttle = Throttle(0.01, lambda: before, clock=CLOCK)
        throttle._hold()
        assert is_let_go(busy.pid)
