"""The verdict of the probes, and what follows from it."""

from __future__ import annotations

import pytest

from gateway.model import HealthPolicy
from gateway.supervisor.health.verdict import Health, HealthTracker, ProbeResult, may_advertise, may_call, worst
from gateway.supervisor.lifecycle import State

FAILED = ProbeResult(0.0, "no answer")


def test_three_failures_in_a_row_are_unhealthy_and_fewer_are_degraded() -> None:
    tracker = HealthTracker(HealthPolicy())
    assert [tracker.record(FAILED) for _ in range(3)] == [Health.DEGRADED, Health.DEGRADED, Health.UNHEALTHY]
    assert tracker.reason == "no answer (3 of 3 failed probes)"


def test_an_answer_forgives_what_was_before() -> None:
    tracker = HealthTracker(HealthPolicy())
    tracker.record(FAILED)
    assert tracker.record(ProbeResult(0.01)) is Health.HEALTHY
    assert (tracker.reason, tracker.record(FAILED)) == ("", Health.DEGRADED)


def test_a_slow_answer_is_degraded() -> None:
    tracker = HealthTracker(HealthPolicy(timeout_sec=10))
    assert tracker.record(ProbeResult(6.0)) is Health.DEGRADED
    assert "6.0 s" in tracker.reason
    assert tracker.health is Health.DEGRADED


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("health", list(Health))
def test_only_a_ready_child_that_is_not_given_up_may_be_called(state: State, health: Health) -> None:
    assert may_call(state, health) == (state is State.READY and health is not Health.UNHEALTHY)


def test_tools_stay_advertised_through_what_passes_by_itself() -> None:
    shown = {state for state in State if may_advertise(state)}
    assert shown == {State.STARTING, State.READY, State.STOPPING, State.BACKOFF}


def test_the_worst_finding_counts_and_all_reasons_are_told() -> None:
    findings = [(Health.HEALTHY, ""), (Health.DEGRADED, "slow"), (Health.UNHEALTHY, "silent"), (Health.DEGRADED, "odd")]
    assert worst(findings) == (Health.UNHEALTHY, "silent; slow; odd")
    assert worst([(Health.HEALTHY, "")]) == worst([]) == (Health.HEALTHY, "")


def test_what_is_certain_needs_no_second_failure() -> None:
    tracker = HealthTracker(HealthPolicy())
    assert tracker.record(ProbeResult(0.0, "held still", is_certain=True)) is Health.UNHEALTHY
    assert tracker.reason == "held still"
