"""Real servers that work on one call at a time, and such that only looked like it."""

from __future__ import annotations

import anyio
import pytest

from gateway.errors import GatewayError
from gateway.model import HealthPolicy
from gateway.supervisor.supervisor import Supervisor
from tests.supervisor.running import call, row, spec, supervised
from tests.supervisor.test_calls_gone_wrong import Calls, recognise, until

pytestmark = [pytest.mark.process, pytest.mark.timeout(90)]

PINGED = HealthPolicy(interval_sec=0.3, timeout_sec=10, stop_timeout_sec=0.3)


async def at_once(supervisor: Supervisor, tool: str, count: int, seconds: float) -> float:
    """Make calls at the same time, which all are answered; returns how long that took."""
    calls, began = Calls(supervisor), anyio.current_time()
    async with anyio.create_task_group() as tasks:
        for number in range(count):
            tasks.start_soon(lambda n=number: calls.make(str(n), tool, seconds=seconds))  # type: ignore[misc]
    assert not [came for came in calls.came.values() if isinstance(came, GatewayError)]
    return anyio.current_time() - began


async def held_breath(supervisor: Supervisor) -> None:
    for _ in range(2):
        await call(supervisor, "a", "block", seconds=1.2)


async def test_a_server_that_works_on_several_calls_is_not_taken_for_serial_because_it_stood_still_twice() -> None:
    async with supervised(spec("a", "breathless.py", health=PINGED)) as (supervisor, heard):
        await heard.state("a", "ready")
        await at_once(supervisor, "sleep", 20, 0.2)
        assert row(supervisor, "a")["serial"] is False
        await held_breath(supervisor)
        assert row(supervisor, "a")["serial"] is False


async def test_one_that_was_falsely_taken_for_serial_is_soon_given_many_calls_again() -> None:
    async with supervised(spec("a", "breathless.py", health=PINGED)) as (supervisor, heard):
        await heard.state("a", "ready")
        await held_breath(supervisor)  # the first that is seen of it: nothing speaks against the appearance
        await until(supervisor, "a", serial=True)
        await at_once(supervisor, "sleep", 20, 0.3)
        assert row(supervisor, "a")["serial"] is False
        assert await at_once(supervisor, "sleep", 20, 0.3) < 3.0  # one at a time: 6 s


async def test_one_that_is_serial_stays_so_however_often_it_is_tried() -> None:
    async with supervised(spec("a", "serial.py", health=PINGED)) as (supervisor, heard):
        await heard.state("a", "ready")
        await recognise(supervisor)
        await at_once(supervisor, "work", 40, 0.12)
        assert row(supervisor, "a")["serial"] is True
