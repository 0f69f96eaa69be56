"""P2: a server that ended is started again after 0.5 s, then twice that each time, at most 60 s, plus 0-25 % jitter."""

from __future__ import annotations

import os
import random
import signal

import pytest

from gateway.model import RestartPolicy
from gateway.supervisor.restart import RestartAfter, RestartTracker
from tests.promises.kept import kept
from tests.supervisor.running import spec

JITTER = 1.25
MOMENT = 0.9
"""Share of a delay that is left when it is told, or measured from then: the telling takes a moment."""

ENDLESS = RestartPolicy(start_limit_burst=10**6)


def delays(policy: RestartPolicy, count: int, *, seed: int = 0) -> list[float]:
    """The delays of so many ends, each at once after its start."""
    tracker, now, found = RestartTracker(policy, random.Random(seed)), 0.0, []
    for _ in range(count):
        tracker.started(now)
        verdict = tracker.exited(now, clean=False)
        assert isinstance(verdict, RestartAfter)
        found.append(verdict.delay_s)
        now += verdict.delay_s
    return found


@pytest.mark.parametrize("seed", range(20))
def test_p2_by_the_clock_every_delay_lies_on_the_curve(seed: int) -> None:
    curve = [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60]
    for delay, bottom in zip(delays(ENDLESS, len(curve), seed=seed), curve, strict=True):
        assert bottom <= delay <= bottom * JITTER


def test_p2_the_jitter_uses_its_whole_range_so_that_a_herd_scatters() -> None:
    first = [delays(ENDLESS, 1, seed=seed)[0] / 0.5 for seed in range(400)]
    assert min(first) < 1.02
    assert max(first) > 1.23


@pytest.mark.process
@pytest.mark.timeout(120)
@pytest.mark.parametrize("arguments", [("--at", "start"), ("--at", "initialize")])
async def test_p2_a_server_that_ends_at_once_comes_back_on_the_curve(arguments: tuple[str, str]) -> None:
    policy = RestartPolicy(restart_sec=0.1, restart_max_delay_sec=0.4, start_limit_burst=6)
    curve = [0.1, 0.2, 0.4, 0.4, 0.4]
    async with kept(spec("a", "crasher.py", *arguments, restart=policy)) as (_, heard):
        await heard.state("a", "failed")
        told = [fact.next_retry_s or 0.0 for fact in heard.states("a")["backoff"]]
        waits = zip(heard.times("a", "backoff"), heard.times("a", "starting")[1:], strict=True)
    for delay, bottom in zip(told, curve, strict=True):
        assert bottom * MOMENT <= delay <= bottom * JITTER
    for (since, until), bottom in zip(waits, curve, strict=True):
        assert until - since >= bottom * MOMENT  # never earlier; how much later is the machine's load


@pytest.mark.process
async def test_p2_a_server_that_ends_while_ready_comes_back_on_the_curve_as_well() -> None:
    policy = RestartPolicy(restart_sec=0.05, restart_max_delay_sec=10, start_limit_burst=100)
    async with kept(spec("a", restart=policy)) as (_, heard):
        for life in range(1, 5):
            pid = (await heard.state("a", "ready", times=life)).pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            backoff = await heard.state("a", "backoff", times=life)
            bottom = 0.05 * 2 ** (life - 1)
            assert bottom * MOMENT <= (backoff.next_retry_s or 0.0) <= bottom * JITTER
