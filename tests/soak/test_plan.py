"""The plan of a soak."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from tests.soak.plan import APART_S, PER_WINDOW, QUIET_S, WARM_UP_S, WINDOW_S, plan
from tests.soak.run import TARGETS


@given(st.integers(0, 2**31), st.sampled_from([120.0, 600.0, 1200.0]))
def test_no_server_is_struck_more_than_three_times_in_any_five_minutes(seed: int, duration_s: float) -> None:
    faults = plan(seed, TARGETS, duration_s)
    for name in TARGETS:
        moments = [fault.at for fault in faults if fault.server == name]
        for first in moments:
            assert sum(first <= moment < first + WINDOW_S - 0.1 for moment in moments) <= PER_WINDOW
        assert all(later - earlier >= APART_S - 0.1 for earlier, later in itertools.pairwise(moments))


def test_the_end_is_quiet_and_the_same_seed_makes_the_same_plan() -> None:
    faults = plan(7, TARGETS, 1200.0)
    assert faults == plan(7, TARGETS, 1200.0)
    assert faults != plan(8, TARGETS, 1200.0)
    assert faults[0].at >= WARM_UP_S
    assert faults[-1].at < 1200.0 - QUIET_S


def test_in_twenty_minutes_every_server_gets_most_of_its_kinds() -> None:
    faults = plan(1, TARGETS, 1200.0)
    assert len(faults) > 60
    assert {fault.server for fault in faults} == set(TARGETS)
    assert {fault.kind for fault in faults} == {kind for kinds in TARGETS.values() for kind in kinds}
