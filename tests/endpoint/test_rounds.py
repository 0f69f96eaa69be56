"""Rounds: the n-th session of an agent in a run."""

from __future__ import annotations

from gateway.endpoint.rounds import MAX_RUNS, SILENCE_S, Rounds
from gateway.model import Caller

A = Caller("p", agent="a", run="r")
DEFAULT = Caller("p", agent="a", run="default-2026-11-23")


def test_sessions_of_one_agent_in_one_run_are_counted() -> None:
    rounds = Rounds()
    assert [rounds.begin(A, 0), rounds.begin(A, 1), rounds.begin(Caller("p", "b", "r"), 2)] == [1, 2, 1]


def test_a_named_run_counts_on_after_a_silence() -> None:
    rounds = Rounds()
    rounds.begin(A, 0)
    assert rounds.begin(A, SILENCE_S * 10) == 2


def test_a_default_run_begins_again_after_a_silence() -> None:
    rounds = Rounds()
    rounds.begin(DEFAULT, 0)
    assert rounds.begin(DEFAULT, SILENCE_S) == 2
    assert rounds.begin(DEFAULT, 2 * SILENCE_S + 1) == 1


def test_anything_heard_of_a_run_breaks_its_silence() -> None:
    rounds = Rounds()
    rounds.begin(DEFAULT, 0)
    rounds.touch(DEFAULT, SILENCE_S)
    assert rounds.begin(DEFAULT, 2 * SILENCE_S) == 2


def test_a_session_from_before_a_restart_brings_its_number() -> None:
    rounds = Rounds()
    rounds.touch(A, 0, at_least=4)
    assert rounds.begin(A, 1) == 5


def test_the_oldest_runs_are_forgotten() -> None:
    rounds = Rounds()
    rounds.begin(A, 0)
    for number in range(MAX_RUNS):
        rounds.begin(Caller("p", "a", f"r{number}"), 0)
    assert rounds.begin(A, 1) == 1
