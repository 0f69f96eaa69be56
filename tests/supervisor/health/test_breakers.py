"""The breakers of one child together."""

from __future__ import annotations

from gateway.model import HealthPolicy
from gateway.supervisor.health.breaker import BreakerState
from gateway.supervisor.health.breakers import MAX_TOOLS, Breakers, Move

POLICY = HealthPolicy(breaker_failures=3, breaker_sec=30, breaker_max_sec=600)


def fail(breakers: Breakers, *tools: str, now: float = 0.0, incident: object = None) -> None:
    for tool in tools:
        breakers.failed(breakers.admit(tool), now, "no answer", incident)


def states(breakers: Breakers) -> dict[str | None, BreakerState]:
    """What moved last, by tool."""
    return {move.tool: move.state for move in breakers.take_moves()}


def test_one_bad_tool_is_held_back_and_the_others_are_not() -> None:
    breakers = Breakers(POLICY)
    fail(breakers, *["bad"] * 10)
    hold = breakers.held("bad", 1.0)
    assert hold is not None
    assert (hold.tool, hold.retry_s) == ("bad", 29.0)
    assert breakers.held("good", 1.0) is None


def test_failures_of_two_tools_without_a_success_hold_the_whole_server_back() -> None:
    breakers = Breakers(POLICY)
    fail(breakers, "a", "b", "a")
    hold = breakers.held("c", 1.0)
    assert hold is not None
    assert (hold.tool, hold.reason) == (None, "failed 3 times in a row, the last time: no answer")


def test_a_success_of_any_tool_clears_the_server() -> None:
    breakers = Breakers(POLICY)
    fail(breakers, "a", "b")
    breakers.succeeded(breakers.admit("c"), 0.0)
    fail(breakers, "b", "b")
    assert breakers.held("c", 0.0) is None


def complain(breakers: Breakers, *parties: str, tool: str = "t", now: float = 0.0) -> None:
    for party in parties:
        breakers.complained(breakers.admit(tool, party), now, "internal error")


def test_errors_as_answers_count_only_once_two_parties_got_some_and_then_all_of_them() -> None:
    breakers = Breakers(POLICY)
    complain(breakers, *["evil"] * 10)
    assert breakers.held("t", 0.0) is None
    complain(breakers, "good")
    hold = breakers.held("t", 0.0)
    assert hold is not None
    assert (hold.tool, hold.reason) == ("t", "failed 11 times in a row, the last time: internal error")


def test_a_success_forgets_the_errors_before_it() -> None:
    breakers = Breakers(POLICY)
    complain(breakers, "one", "another")
    breakers.succeeded(breakers.admit("t", "one"), 0.0)
    complain(breakers, "one", "one", "one")
    assert breakers.held("t", 0.0) is None


def test_one_caller_alone_cannot_fail_a_trial_with_an_error_as_an_answer() -> None:
    breakers = Breakers(POLICY)
    complain(breakers, "one", "another", "one")
    breakers.poll(30.0)
    complain(breakers, "evil", "evil", now=30.0)
    assert breakers.held("t", 30.0) is None  # the next call is the trial
    complain(breakers, "good", now=30.0)
    assert breakers.held("t", 31.0) is not None


def test_an_error_as_an_answer_shows_that_the_server_lives() -> None:
    breakers = Breakers(POLICY)
    fail(breakers, "a", "b")
    complain(breakers, "one")
    fail(breakers, "a")
    assert breakers.held("c", 0.0) is None


def test_refusals_of_one_tool_hold_the_whole_server_back_and_not_the_tool() -> None:
    breakers = Breakers(POLICY)
    for _ in range(3):
        breakers.refused(breakers.admit("a"), 0.0, "no room")
    hold = breakers.held("other", 0.0)
    assert hold is not None
    assert hold.tool is None
    assert breakers.tool_rows(0.0) == []


def test_tools_without_end_that_answer_with_errors_are_not_remembered() -> None:
    breakers = Breakers(POLICY)
    for number in range(MAX_TOOLS + 10):
        complain(breakers, "one", tool=f"t{number}")
    assert len(breakers._complaints) == MAX_TOOLS


def test_moves_are_told_once_with_tool_reason_and_pause() -> None:
    breakers = Breakers(POLICY)
    fail(breakers, "a", "a", "a")
    assert breakers.has_moved
    assert breakers.take_moves() == [
        Move("a", BreakerState.OPEN, "failed 3 times in a row, the last time: no answer", 30.0)
    ]
    assert (breakers.has_moved, breakers.take_moves()) == (False, [])


def test_a_pause_passes_by_itself() -> None:
    breakers = Breakers(POLICY)
    fail(breakers, "a", "a", "b")
    breakers.take_moves()
    breakers.poll(29.0)
    assert states(breakers) == {}
    breakers.poll(30.0)
    assert states(breakers) == {None: BreakerState.HALF_OPEN}


def test_the_trial_of_the_server_is_one_call_and_its_success_closes_both() -> None:
    breakers = Breakers(POLICY)
    fail(breakers, "a", "a", "b", "a")
    assert breakers.held("a", 30.0) is None
    trial = breakers.admit("a")
    assert breakers.held("b", 30.0) is not None
    breakers.succeeded(trial, 31.0)
    assert breakers.held("a", 31.0) is breakers.held("b", 31.0) is None


def test_a_trial_that_was_never_sent_is_given_back() -> None:
    breakers = Breakers(POLICY)
    fail(breakers, "a", "a", "a")
    assert breakers.held("a", 30.0) is None
    breakers.undecided(breakers.admit("a"))
    assert breakers.held("a", 30.0) is None


def test_the_end_of_a_process_is_one_failure_of_each_tool_and_of_the_server() -> None:
    breakers = Breakers(POLICY)
    first, second = object(), object()
    fail(breakers, *["a"] * 50, *["b"] * 50, incident=first)
    fail(breakers, *["a"] * 50, *["b"] * 50, incident=second)
    assert breakers.take_moves() == []
    fail(breakers, "a", incident=object())
    assert states(breakers) == {"a": BreakerState.OPEN, None: BreakerState.OPEN}


def test_a_new_start_clears_the_server_and_not_its_tools() -> None:
    breakers = Breakers(POLICY)
    fail(breakers, "a", "a", "b", "a")
    breakers.take_moves()
    breakers.came_up(1.0)
    assert states(breakers) == {None: BreakerState.CLOSED}
    assert breakers.held("b", 1.0) is None
    held = breakers.held("a", 1.0)
    assert held is not None
    assert held.tool == "a"


def test_the_rows_show_what_is_not_closed() -> None:
    breakers = Breakers(POLICY)
    fail(breakers, "a", "a", "a", "b")
    why = "failed 3 times in a row, the last time: no answer"
    closed = {"state": "closed", "retry_s": None, "reason": ""}
    assert breakers.tool_rows(10.0) == [{"tool": "a", "state": "open", "retry_s": 20.0, "reason": why}]
    assert Breakers(POLICY).server_row(0.0) == closed


def test_other_numbers_hold_from_now_on() -> None:
    breakers = Breakers(POLICY)
    fail(breakers, "a")
    breakers.adopt(HealthPolicy(breaker_failures=2))
    fail(breakers, "a")
    assert breakers.held("a", 0.0) is not None


def test_names_without_end_are_not_remembered() -> None:
    breakers = Breakers(POLICY)
    for number in range(MAX_TOOLS + 10):
        fail(breakers, f"t{number}")
    assert len(breakers._tools) == MAX_TOOLS
