"""Does a tool run? The counts and the breaker."""

from __future__ import annotations

import random

import numpy as np
import pytest

from gateway.learning.reliability import Reliability, ReliabilityRules


def _feed(memory: Reliability, tool: str, outcomes: list[bool], start: float = 0.0) -> float:
    now = start
    for ran in outcomes:
        now += 1.0
        memory.observe(tool, ran=ran, now=now)
    return now


def _mean(memory: Reliability, tool: str, now: float) -> float:
    return float(memory.means([tool], now)[0])


def test_an_unknown_tool_is_trusted_as_the_prior_says() -> None:
    assert _mean(Reliability(ReliabilityRules(prior_a=3.0, prior_b=1.0)), "x", 0.0) == 0.75


def test_failures_sink_and_successes_raise() -> None:
    memory = Reliability(ReliabilityRules())
    now = _feed(memory, "good", [True] * 20)
    _feed(memory, "bad", [False, True, False, False, True, False] * 3)
    assert _mean(memory, "good", now) > 0.95 > 0.6 > _mean(memory, "bad", now)


def test_three_errors_in_a_row_trip_the_breaker() -> None:
    memory = Reliability(ReliabilityRules())
    now = _feed(memory, "x", [True] * 50 + [False] * 3)
    assert _mean(memory, "x", now) < 0.2
    assert memory.tripped() == ["x"]


def test_two_errors_in_a_row_do_not() -> None:
    memory = Reliability(ReliabilityRules())
    now = _feed(memory, "x", [True] * 50 + [False] * 2)
    assert _mean(memory, "x", now) > 0.7
    assert memory.tripped() == []


def test_a_tripped_tool_comes_back_with_time_and_later_each_time() -> None:
    memory = Reliability(ReliabilityRules(half_life=100.0))
    now = _feed(memory, "x", [False] * 3)
    once = _mean(memory, "x", now + 300.0)
    now = _feed(memory, "x", [True, False, False, False], start=now + 300.0)
    assert once > 0.6
    assert _mean(memory, "x", now + 300.0) < once


def test_a_clock_that_is_set_back_takes_nothing_away() -> None:
    memory = Reliability(ReliabilityRules())
    now = _feed(memory, "x", [False] * 3)
    assert _mean(memory, "x", now - 1e6) == _mean(memory, "x", now)


def test_a_tool_that_works_again_is_believed_soon() -> None:
    memory = Reliability(ReliabilityRules())
    now = _feed(memory, "x", [False] * 5 + [True] * 10)
    assert _mean(memory, "x", now) > 0.65


def test_slow_memory_separates_good_from_very_good() -> None:
    rng = random.Random(5)
    wrong = 0
    for _ in range(40):
        memory = Reliability(ReliabilityRules(half_life=1e9))
        now = _feed(memory, "a", [rng.random() < 0.95 for _ in range(100)])
        _feed(memory, "b", [rng.random() < 0.7 for _ in range(100)])
        wrong += _mean(memory, "a", now) <= _mean(memory, "b", now)
    assert wrong <= 2


def test_counts_survive_a_round_trip_exactly() -> None:
    memory, again = Reliability(ReliabilityRules()), Reliability(ReliabilityRules())
    for number in range(100):
        _feed(memory, f"t{number}", [True, False, number % 2 == 0])
    again.restore(memory.state())
    ids = [f"t{number}" for number in range(101)]
    assert np.array_equal(again.means(ids, 500.0), memory.means(ids, 500.0))
    assert again.calls("t5") == 3


@pytest.mark.parametrize("row", [[1.0], [float("nan")] * 8, [-1.0] * 8])
def test_malformed_counts_are_refused(row: list[float]) -> None:
    memory = Reliability(ReliabilityRules())
    with pytest.raises(ValueError, match="malformed"):
        memory.restore({"x": row})
