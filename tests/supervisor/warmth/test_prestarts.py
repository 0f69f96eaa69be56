"""Whether starts ahead were right."""

from __future__ import annotations

from gateway.model import ServerName
from gateway.supervisor.warmth.prestarts import HORIZON_S, REMEMBERED, Prestarts

B = ServerName("b")


def wasted(prestarts: Prestarts, times: int) -> None:
    for _ in range(times):
        prestarts.predicted(B, 0.0)
        prestarts.rested(B)


def used(prestarts: Prestarts, times: int) -> None:
    for _ in range(times):
        prestarts.predicted(B, 0.0)
        prestarts.called(B, 1.0)


def test_a_prediction_starts_a_server_and_a_call_uses_it() -> None:
    prestarts = Prestarts()
    assert prestarts.predicted(B, 0.0)
    assert prestarts.called(B, HORIZON_S)
    assert not prestarts.called(B, HORIZON_S)
    assert (prestarts.record(B).started, prestarts.record(B).wasted) == (1, 0)


def test_a_second_prediction_meanwhile_is_none() -> None:
    prestarts = Prestarts()
    prestarts.predicted(B, 0.0)
    assert not prestarts.predicted(B, 1.0)
    assert prestarts.record(B).started == 1


def test_a_call_that_comes_too_late_wastes_it() -> None:
    prestarts = Prestarts()
    prestarts.predicted(B, 0.0)
    assert prestarts.next_due() == HORIZON_S
    assert prestarts.overdue(HORIZON_S) == []
    assert not prestarts.called(B, HORIZON_S + 1)
    assert prestarts.overdue(HORIZON_S + 1) == [B]
    assert prestarts.record(B).wasted == 1
    assert prestarts.next_due() is None


def test_rest_before_a_call_wastes_it() -> None:
    prestarts = Prestarts()
    prestarts.predicted(B, 0.0)
    assert prestarts.rested(B)
    assert not prestarts.rested(B)
    assert prestarts.record(B).wasted == 1


def test_rest_and_calls_without_a_prediction_are_nothing() -> None:
    prestarts = Prestarts()
    assert not prestarts.rested(B)
    assert not prestarts.called(B, 0.0)
    assert prestarts.record(B).started == 0


def test_more_wasted_than_used_ones_end_the_starts() -> None:
    prestarts = Prestarts()
    used(prestarts, 2)
    wasted(prestarts, 2)
    assert prestarts.record(B).is_trusted
    wasted(prestarts, 1)
    assert not prestarts.record(B).is_trusted
    assert not prestarts.predicted(B, 0.0)


def test_predictions_that_would_have_been_used_bring_the_starts_back() -> None:
    prestarts = Prestarts()
    wasted(prestarts, 1)
    started = prestarts.record(B).started
    assert not prestarts.predicted(B, 0.0)
    assert not prestarts.called(B, 1.0)  # nothing was started, but it would have been right
    assert prestarts.record(B).started == started
    assert prestarts.predicted(B, 2.0)


def test_predictions_without_a_start_count_against_it_but_waste_nothing() -> None:
    prestarts = Prestarts()
    wasted(prestarts, 1)
    assert not prestarts.predicted(B, 0.0)
    assert prestarts.overdue(HORIZON_S + 1) == []
    assert prestarts.record(B).wasted == 1
    assert list(prestarts.record(B).last) == [False, False]


def test_only_the_last_ones_count() -> None:
    prestarts = Prestarts()
    wasted(prestarts, 3 * REMEMBERED)
    assert len(prestarts.record(B).last) == REMEMBERED
    used(prestarts, REMEMBERED // 2)
    assert prestarts.record(B).is_trusted


def test_what_a_person_decided_is_not_judged() -> None:
    prestarts = Prestarts()
    prestarts.predicted(B, 0.0)
    prestarts.withdraw(B)
    assert not prestarts.rested(B)
    assert list(prestarts.record(B).last) == []


def test_a_forgotten_server_starts_over() -> None:
    prestarts = Prestarts()
    wasted(prestarts, 1)
    prestarts.predicted(B, 0.0)
    prestarts.forget(B)
    assert prestarts.overdue(1e9) == []
    assert prestarts.predicted(B, 0.0)
