"""Never more than agreed: simulated for long, and once for real over HTTP at the default."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import anyio
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import SystemClock
from gateway.config.registries import RegistrySection, SmitherySection
from gateway.discovery.asking.client import RegistryClient
from gateway.discovery.asking.pacing import WINDOW_S, Pace, Window, window_of
from gateway.discovery.smithery import smithery_access
from tests.discovery.support import Sleeps
from tests.fakes import FakeClock
from tests.standins.running import running_smithery

ALLOWED = 55  # 5.5 a second over any ten seconds, for the default of 5 a second
REAL_S = 12.0


def most_within(times: list[float], length_s: float) -> int:
    """The largest number of times within any stretch of this length."""
    return max(sum(start <= time < start + length_s for time in times) for start in times)


@given(st.lists(st.floats(0, 3), min_size=1, max_size=200), st.integers(1, 8))
def test_no_window_ever_holds_more_turns_than_it_may(gaps: list[float], most: int) -> None:
    window, now, turns = Window(most, 10.0), 0.0, []
    for gap in gaps:
        now += gap
        turns.append(now + window.reserve(now))
    assert all(later - earlier > -1e-6 for earlier, later in pairwise(turns))
    assert all(later - earlier >= 10.0 - 1e-6 for earlier, later in zip(turns, turns[most:], strict=False))


@pytest.mark.parametrize(
    ("rate", "burst", "most"), [("5/s", 10, 55), ("300/m", 10, 55), ("1/h", 3, 3), ("5/s", 200, 200), ("0.1/s", 1, 1)]
)
def test_the_window_is_a_tenth_above_the_rate_but_never_below_the_burst(rate: str, burst: int, most: int) -> None:
    window = window_of(rate, burst)
    waits = [window.reserve(0.0) for _ in range(most + 1)]
    assert waits[:most] == [0.0] * most
    assert waits[most] == WINDOW_S


async def test_who_comes_too_early_waits_for_the_window(clock: FakeClock) -> None:
    sleeps = Sleeps(clock)
    pace = Pace("1000/s", 3000, clock, sleeps)  # the bucket lets everything through, so that the window alone is seen
    window = window_of("1000/s", 3000)
    for _ in range(11_000):
        window.reserve(clock.now())
        await pace.turn()
    assert sleeps.waits == []
    await pace.turn()
    assert sleeps.waits == [WINDOW_S]


def test_the_default_of_both_registries_is_the_one_that_is_proved() -> None:
    for section in (SmitherySection(), RegistrySection()):
        assert (section.rate, section.burst) == ("5/s", 10)


@pytest.mark.process
@pytest.mark.timeout(90)
async def test_a_registry_counts_at_most_five_and_a_half_requests_a_second_over_ten_seconds() -> None:
    with running_smithery() as running:
        access = smithery_access(SmitherySection(base_url=running.url, api_key=running.key))
        async with httpx.AsyncClient(trust_env=False) as http:
            client = RegistryClient(http, access, clock=SystemClock(), rng=Random(1))

            async def ask_and_ask() -> None:
                while True:
                    await client.ask("/servers", lambda value, _: value, what="servers")

            with anyio.move_on_after(REAL_S):
                async with anyio.create_task_group() as tasks:
                    for _ in range(20):
                        tasks.start_soon(ask_and_ask)
        times = [row["at"] for row in running.log()]
    assert sum(time - times[0] < 1.0 for time in times) >= 10  # the burst is granted
    assert 45 <= most_within(times, 10.0) <= ALLOWED
