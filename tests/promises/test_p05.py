"""P5: a hang is seen in < 45 s by 3 failed questions of 10 s each; not while a call makes progress."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import pytest

from gateway.errors import CallTimeout, ChildGone
from gateway.model import CallPolicy, HealthPolicy
from gateway.supervisor.health.prober import AFTER_FAILURE_S, HELD
from gateway.supervisor.supervisor import Supervisor
from tests.promises.kept import FAR_S, UNPROBED, kept, undisturbed, until
from tests.supervisor.running import call, row, spec

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

SHRUNK = HealthPolicy(interval_sec=0.5, timeout_sec=0.5, failures=3, stop_timeout_sec=0.3)
"""Twenty times faster than the default."""

PATIENT = CallPolicy(timeout_sec=FAR_S, max_timeout_sec=FAR_S)
SERIAL = CallPolicy(timeout_sec=FAR_S, max_timeout_sec=FAR_S, max_in_flight=1)


def slowest_s(policy: HealthPolicy) -> float:
    """From the moment after a good answer to the verdict."""
    pause_s = min(AFTER_FAILURE_S, policy.interval_sec)
    return policy.interval_sec + policy.failures * policy.timeout_sec + (policy.failures - 1) * pause_s


def test_p5_the_default_numbers_add_up_to_less_than_promised() -> None:
    assert slowest_s(HealthPolicy()) < 45


async def stop_it(supervisor: Supervisor) -> None:
    """The kernel holds it still."""
    os.kill(row(supervisor, "a")["pid"], signal.SIGSTOP)


async def stop_it_at_work(supervisor: Supervisor) -> None:
    """... whatever it works on."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(let_it_work, supervisor)
        await until(lambda: row(supervisor, "a")["in_flight"] == 1)
        await stop_it(supervisor)


async def let_it_work(supervisor: Supervisor) -> None:
    with pytest.raises(ChildGone, match="held still"):
        await call(supervisor, "a", "burn")


async def let_it_spin(supervisor: Supervisor) -> None:
    """It computes for ever and reads nothing; the caller's own deadline is far away."""
    with pytest.raises(ChildGone, match="no answer to ping"):
        await call(supervisor, "a", "burn")


@pytest.mark.parametrize(
    ("hang", "seen", "calls"),
    [
        (stop_it, HELD, PATIENT),
        (stop_it_at_work, HELD, PATIENT),
        (stop_it_at_work, HELD, SERIAL),  # its silence alone would say nothing during a call
        (let_it_spin, "3 of 3 failed probes", PATIENT),
    ],
)
async def test_p5_one_that_hangs_is_found_and_started_again(
    hang: Callable[[Supervisor], Coroutine[Any, Any, None]], seen: str, calls: CallPolicy
) -> None:
    bad = spec("a", "greedy.py", health=SHRUNK, call=calls)
    async with kept(bad, spec("good", health=UNPROBED)) as (supervisor, heard):
        first = (await heard.state("a", "ready")).pid
        async with undisturbed(supervisor, heard), anyio.create_task_group() as tasks:
            tasks.start_soon(hang, supervisor)
            stopping = await heard.state("a", "stopping")
            await heard.ready_but("a", first)
        assert seen in stopping.reason
        assert seen in heard.states("a")["backoff"][0].reason


async def test_p5_one_call_that_hangs_while_questions_are_answered_costs_only_that_call() -> None:
    bad = spec("a", "hang.py", health=HealthPolicy(interval_sec=0.1, timeout_sec=10, stop_timeout_sec=0.3))
    async with kept(bad) as (supervisor, heard):
        pid = (await heard.state("a", "ready")).pid
        with pytest.raises(CallTimeout):
            await call(supervisor, "a", "silent", timeout_s=1.0)
        assert await call(supervisor, "a", "echo", text="still here") == "still here"
        after = row(supervisor, "a")
        assert (after["pid"], after["state"], after["restarts"]) == (pid, "ready", 0)


async def test_p5_a_busy_server_whose_call_makes_progress_is_left_alone() -> None:
    """It answers no question at all while it works: only its progress shows that it lives."""
    health = HealthPolicy(interval_sec=1.0, timeout_sec=0.05, failures=1, stop_timeout_sec=0.3)
    async with kept(spec("a", "labour.py", health=health)) as (supervisor, heard):
        pid = (await heard.state("a", "ready")).pid
        assert await call(supervisor, "a", "work", seconds=4, every=0.05, timeout_s=20) == "done"
        assert row(supervisor, "a")["pid"] == pid
        assert "stopping" not in heard.states("a")


async def test_p5_the_same_work_without_progress_is_a_hang() -> None:
    health = HealthPolicy(interval_sec=0.3, timeout_sec=0.3, failures=3, stop_timeout_sec=0.3)
    async with kept(spec("a", "labour.py", health=health)) as (supervisor, heard):
        await heard.state("a", "ready")
        with pytest.raises(ChildGone):
            await call(supervisor, "a", "work", seconds=600, every=0, timeout_s=600)
        await until(lambda: "3 of 3 failed probes" in heard.states("a")["stopping"][0].reason)
