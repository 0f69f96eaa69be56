"""What the latest calls say."""

from __future__ import annotations

import pytest

from gateway.supervisor.health.window import USUAL_MAX_CALLS, WINDOW_CALLS, Figures, Usual, Window


def usually(seconds: float, calls: int = 30) -> Window:
    """A window of a server whose calls took this long a while ago; it is empty at 1000."""
    window = Window()
    for _ in range(calls):
        window.record(0.0, seconds, failed=False)
    assert window.figures(1000.0).n == 0
    return window


def record(window: Window, *took: float, now: float = 1000.0, failed: bool = False) -> None:
    for seconds in took:
        window.record(now, seconds, failed=failed)


def test_half_of_five_failed_is_too_many() -> None:
    window = Window()
    record(window, 0.1, 0.1)
    record(window, 1.0, 1.0, failed=True)
    assert window.problem(1000.0) == ""
    record(window, 1.0, failed=True)
    assert window.problem(1000.0) == "3 of its last 5 calls failed"


def test_fewer_than_half_is_not() -> None:
    window = Window()
    record(window, *[0.1] * 6)
    record(window, *[1.0] * 5, failed=True)
    assert window.problem(1000.0) == ""


def test_it_recovers_when_the_failures_are_a_minute_old() -> None:
    window = Window()
    record(window, *[1.0] * 5, failed=True)
    assert [bool(window.problem(now)) for now in (1000.0, 1060.0, 1061.0)] == [True, True, False]


def test_it_recovers_with_good_calls() -> None:
    window = Window()
    record(window, *[1.0] * 5, failed=True)
    record(window, *[0.1] * 6)
    assert window.problem(1000.0) == ""


def test_only_the_latest_hundred_count() -> None:
    window = Window()
    record(window, *[1.0] * 200, failed=True)
    record(window, *[0.1] * WINDOW_CALLS)
    assert window.figures(1000.0) == Figures(100, 0, 0.1, 0.1)


def test_ten_times_slower_than_usual_and_above_a_second_is_slow() -> None:
    window = usually(0.15)
    record(window, *[2.0] * 9)
    assert window.problem(1000.0) == ""
    record(window, 2.0)
    assert "slow: one call in twenty takes 2.0 s, usually it is 0.1" in window.problem(1000.0)


def test_ten_times_slower_is_fine_below_a_second() -> None:
    window = usually(0.01)
    record(window, *[0.9] * 50)
    assert window.problem(1000.0) == ""


def test_a_server_that_is_always_slow_is_not_slower_than_usual() -> None:
    window = usually(20.0)
    record(window, *[60.0] * 50)
    assert window.problem(1000.0) == ""


def test_without_knowing_the_usual_nothing_is_slow() -> None:
    window = usually(0.01, calls=10)
    record(window, *[5.0] * 50)
    assert window.problem(1000.0) == ""


def test_a_bad_minute_is_compared_with_the_time_before_it() -> None:
    window = usually(0.1, calls=30)
    for second in range(60):
        record(window, 3.0, now=1000.0 + second)
    assert "slow" in window.problem(1060.0)


def test_another_process_begins_with_an_empty_window_and_what_is_usual() -> None:
    window = Window()
    record(window, *[0.1] * 30)
    record(window, *[9.0] * 40, failed=True)
    window.clear()
    assert window.figures(1000.0) == Figures(0, 0, None, None)
    record(window, *[3.0] * 10)
    assert "slow" in window.problem(1000.0)


def test_the_row_has_figures_of_answered_calls() -> None:
    window = Window()
    record(window, *[n / 100 for n in range(1, 101)])
    assert window.row(1000.0) == {"n": 100, "errors": 0, "p50_s": 0.505, "p95_s": 0.95, "window_s": 60.0}
    assert Window().row(0.0)["p50_s"] is None


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.02, 1.0, 30.0, 390.0, 1e6])
def test_the_usual_is_within_a_fifth(seconds: float) -> None:
    usual = Usual()
    for _ in range(100):
        usual.add(seconds)
    median_s = usual.median_s()
    assert median_s is not None
    assert min(max(seconds, 0.0005), 8200.0) / 1.2 <= median_s <= max(seconds, 0.0005) * 1.2


def test_the_usual_changes_with_the_server() -> None:
    usual = Usual()
    for _ in range(USUAL_MAX_CALLS * 5):
        usual.add(0.01)
    for _ in range(USUAL_MAX_CALLS * 2):
        usual.add(1.0)
    assert usual.total < USUAL_MAX_CALLS
    assert (usual.median_s() or 0) > 0.8
