"""One breaker, line by line."""

from __future__ import annotations

import pytest

from gateway.model import HealthPolicy
from gateway.supervisor.health.breaker import TRIAL_RETRY_S, Breaker, BreakerState

POLICY = HealthPolicy(breaker_failures=3, breaker_sec=30, breaker_max_sec=100)


def opened() -> Breaker:
    """A breaker that opened at 0."""
    breaker = Breaker(POLICY)
    for _ in range(3):
        breaker.failed(0.0, "no answer", breaker.admit())
    assert breaker.state is BreakerState.OPEN
    return breaker


def fail_a_trial(breaker: Breaker, now: float) -> float:
    """Returns the new pause."""
    assert breaker.poll(now)
    breaker.failed(now, "no answer", breaker.admit())
    return breaker.held_s(now) or 0.0


def test_a_row_of_failures_opens_it_and_a_success_between_does_not() -> None:
    breaker = Breaker(POLICY)
    said = [breaker.failed(0.0, "no answer", breaker.era) for _ in range(2)]
    breaker.succeeded()
    said += [breaker.failed(0.0, "no answer", breaker.era) for _ in range(3)]
    assert said == [False, False, False, False, True]
    assert breaker.reason == "failed 3 times in a row, the last time: no answer"


def test_while_it_is_open_calls_are_held_for_what_is_left_of_the_pause() -> None:
    breaker = opened()
    assert (breaker.poll(10.0), breaker.held_s(10.0)) == (False, 20.0)


def test_after_the_pause_one_call_is_the_trial_and_others_wait_for_it() -> None:
    breaker = opened()
    assert (breaker.poll(30.0), breaker.state, breaker.held_s(30.0)) == (True, BreakerState.HALF_OPEN, None)
    breaker.admit()
    assert breaker.held_s(30.0) == TRIAL_RETRY_S


def test_a_good_trial_closes_it_and_all_is_forgotten() -> None:
    breaker = opened()
    fail_a_trial(breaker, 30.0)
    breaker.poll(90.0)
    breaker.admit()
    assert breaker.succeeded()
    assert (breaker.state, breaker.reason, breaker.failures) == (BreakerState.CLOSED, "", 0)
    for _ in range(3):
        breaker.failed(100.0, "no answer", breaker.admit())
    assert breaker.held_s(100.0) == 30.0


def test_a_bad_trial_doubles_the_pause_up_to_the_longest() -> None:
    breaker = opened()
    assert [fail_a_trial(breaker, now) for now in (30.0, 90.0, 200.0, 400.0)] == [60.0, 100.0, 100.0, 100.0]
    assert breaker.reason == "failed the trial as well, the last time: no answer"


def test_a_trial_that_says_nothing_leaves_the_next_one_free() -> None:
    breaker = opened()
    breaker.poll(30.0)
    breaker.undecided(breaker.admit())
    assert (breaker.state, breaker.held_s(31.0)) == (BreakerState.HALF_OPEN, None)


def test_failures_from_before_it_opened_do_not_spoil_the_trial() -> None:
    breaker = Breaker(POLICY)
    old = breaker.admit()
    for _ in range(3):
        breaker.failed(0.0, "no answer", breaker.admit())
    assert not breaker.failed(1.0, "no answer", old)
    breaker.poll(30.0)
    assert not breaker.failed(30.0, "no answer", old)
    assert breaker.state is BreakerState.HALF_OPEN


def test_an_undecided_call_from_before_does_not_free_the_trial_that_is_out() -> None:
    breaker = Breaker(POLICY)
    old = breaker.admit()
    for _ in range(3):
        breaker.failed(0.0, "no answer", breaker.admit())
    breaker.poll(30.0)
    breaker.admit()
    breaker.undecided(old)
    assert breaker.held_s(30.0) == TRIAL_RETRY_S


def test_a_late_success_closes_it_too() -> None:
    assert opened().succeeded()


@pytest.mark.parametrize("may_open", [True, False])
def test_failures_that_may_not_open_it_are_counted(may_open: bool) -> None:
    breaker = Breaker(POLICY)
    for _ in range(5):
        breaker.failed(0.0, "no answer", breaker.era, may_open=False)
    assert breaker.failed(0.0, "no answer", breaker.era, may_open=may_open) is may_open


def test_zero_failures_mean_never() -> None:
    breaker = Breaker(HealthPolicy(breaker_failures=0))
    for _ in range(100):
        breaker.failed(0.0, "no answer", breaker.admit())
    assert breaker.state is BreakerState.CLOSED


def test_the_default_numbers() -> None:
    policy = HealthPolicy()
    assert (policy.breaker_failures, policy.breaker_sec, policy.breaker_max_sec) == (5, 30.0, 600.0)
