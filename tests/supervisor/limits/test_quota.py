"""Duty cycles."""

from __future__ import annotations

import pytest

from gateway.supervisor.limits.quota import LEAST_RUN_S, LONGEST_HOLD_S, PERIOD_S, Quota

TICK_S = 0.01


def share_taken(cpus: float, busy_cpus: float, *, seconds: float = 60.0) -> tuple[float, float]:
    """Let a server that is always busy live under a quota; return the share that it took, and its longest hold.

    Its processor time is read as the kernel tells it: in whole ticks.
    """
    quota, now, really, read, held = Quota(cpus), 0.0, 0.0, 0.0, 0.0
    turn = quota.next_turn(0.0, 0.0)
    while now < seconds:
        now += turn.for_s
        really += turn.for_s * busy_cpus if turn.runs else 0.0
        held = max(held, 0.0 if turn.runs else turn.for_s)
        told = really // TICK_S * TICK_S
        used, read = told - read, told
        turn = quota.next_turn(used, turn.for_s)
    return really / now, held


@pytest.mark.parametrize("cpus", [0.05, 0.25, 0.5, 0.9, 1.5])
@pytest.mark.parametrize("busy_cpus", [1.0, 2.0, 8.0])
def test_a_busy_server_takes_its_quota_and_no_more(cpus: float, busy_cpus: float) -> None:
    taken, _ = share_taken(cpus, busy_cpus)
    assert taken == pytest.approx(min(cpus, busy_cpus), rel=0.1)


def test_a_server_within_its_quota_is_never_held() -> None:
    quota = Quota(0.5)
    turns = [quota.next_turn(0.4 * PERIOD_S, PERIOD_S) for _ in range(100)]
    assert all(turn.runs for turn in turns)
    assert quota.debt_s <= 0


def test_an_idle_server_is_looked_at_only_once_a_period() -> None:
    quota = Quota(0.01)
    assert [quota.next_turn(0.0, PERIOD_S).for_s for _ in range(3)] == [PERIOD_S] * 3


def test_what_it_did_not_take_is_not_saved_up() -> None:
    quota = Quota(0.5)
    for _ in range(1000):
        quota.next_turn(0.0, PERIOD_S)
    assert not quota.next_turn(PERIOD_S * 2, PERIOD_S).runs


def test_no_hold_is_longer_than_a_probe_can_wait_and_after_each_it_runs() -> None:
    quota = Quota(0.01)
    quota.next_turn(0.0, PERIOD_S)
    hold = quota.next_turn(8 * PERIOD_S, PERIOD_S)
    assert (hold.runs, hold.for_s) == (False, LONGEST_HOLD_S)
    turn = quota.next_turn(0.0, LONGEST_HOLD_S)
    assert (turn.runs, turn.for_s) == (True, LEAST_RUN_S)
    assert not quota.next_turn(0.0, LEAST_RUN_S).runs
    _, longest = share_taken(0.01, 16)
    assert longest == LONGEST_HOLD_S
