"""P4: the back-off starts again from the bottom only after 10 min of being well."""

from __future__ import annotations

import os
import random
import signal

import pytest

from gateway.model import RestartPolicy
from gateway.supervisor.restart import RestartAfter, RestartTracker
from tests.fakes import FakeClock
from tests.promises.kept import HeardAt, kept
from tests.supervisor.running import spec

MINUTE_S = 60.0
POLICY = RestartPolicy(restart_sec=0.01, restart_max_delay_sec=60.0)
JITTER = 1.25


def delays(well_s: float, lives: int) -> list[float]:
    """The delays of a server that is ready for so long in each life."""
    tracker, now, found = RestartTracker(RestartPolicy(), random.Random(1)), 0.0, []
    for _ in range(lives):
        tracker.started(now)
        tracker.ready(now)
        now += well_s
        verdict = tracker.exited(now, clean=False)
        assert isinstance(verdict, RestartAfter)
        found.append(verdict.delay_s)
        now += verdict.delay_s
    return found


def test_p4_by_the_clock_one_that_dies_every_nine_minutes_waits_ever_longer() -> None:
    assert [delay >= bottom for delay, bottom in zip(delays(9 * MINUTE_S, 5), [0.5, 1, 2, 4, 8], strict=True)] == [
        True
    ] * 5


def test_p4_by_the_clock_one_that_dies_every_eleven_minutes_never_waits_long() -> None:
    assert max(delays(11 * MINUTE_S, 20)) <= 0.5 * JITTER


def test_p4_being_there_is_not_being_well_only_the_time_since_ready_counts() -> None:
    tracker = RestartTracker(RestartPolicy(), random.Random(1))
    for life, bottom in enumerate([0.5, 1.0, 2.0]):
        tracker.started(life * 1000.0)  # an hour of starting is no minute of serving
        verdict = tracker.exited(life * 1000.0 + 999, clean=False)
        assert isinstance(verdict, RestartAfter)
        assert verdict.delay_s >= bottom


async def told_delays(heard: HeardAt, clock: FakeClock, well_s: float, lives: int) -> list[float]:
    """Let a real server be well for so long by the clock, then kill it; again and again."""
    found = []
    for life in range(1, lives + 1):
        pid = (await heard.state("a", "ready", times=life)).pid
        assert pid is not None
        clock.advance(well_s)
        os.kill(pid, signal.SIGKILL)
        backoff = await heard.state("a", "backoff", times=life)
        assert backoff.next_retry_s is not None
        found.append(backoff.next_retry_s)
    return found


@pytest.mark.process
@pytest.mark.timeout(120)
async def test_p4_a_real_server_that_dies_every_nine_minutes_waits_ever_longer(clock: FakeClock) -> None:
    async with kept(spec("a", restart=POLICY), clock=clock) as (_, heard):
        found = await told_delays(heard, clock, 9 * MINUTE_S, 5)
    for delay, bottom in zip(found, [0.01, 0.02, 0.04, 0.08, 0.16], strict=True):
        assert bottom <= delay <= bottom * JITTER


@pytest.mark.process
@pytest.mark.timeout(120)
async def test_p4_a_real_server_that_dies_every_eleven_minutes_never_waits_long(clock: FakeClock) -> None:
    async with kept(spec("a", restart=POLICY), clock=clock) as (_, heard):
        found = await told_delays(heard, clock, 11 * MINUTE_S, 5)
    assert max(found) <= 0.01 * JITTER
