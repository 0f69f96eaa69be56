"""Reward per window."""

from __future__ import annotations

import pytest

from gateway.learning.windows import KEPT_WINDOWS, WINDOW_CALLS, Windows


def test_a_full_window_closes_and_a_new_one_opens() -> None:
    windows = Windows()
    for number in range(WINDOW_CALLS + 10):
        windows.called(float(number), "t", 1.0 if number % 2 else 0.0, None)
    closed, open_one = windows.rows(999.0)
    assert (closed["calls"], closed["reward"], closed["from"]) == (WINDOW_CALLS, 0.5, 0.0)
    assert (open_one["calls"], open_one["to"]) == (10, 999.0)


def test_the_static_figure_is_estimated_from_evaluation_decisions() -> None:
    windows = Windows()
    for number in range(80):
        windows.decided(f"d{number}", "s" if number % 2 else "l", 0.5, is_static=bool(number % 2))
        windows.called(float(number), "s" if number % 2 else "l", 0.25 if number % 2 else 1.0, f"d{number}")
    (row,) = windows.rows(100.0)
    assert row["static"] == pytest.approx(0.25)
    assert row["lo"] <= row["static"] <= row["hi"]


def test_with_too_few_evaluation_decisions_the_static_figure_is_unknown() -> None:
    windows = Windows()
    windows.decided("d", "s", 0.5, is_static=True)
    windows.called(0.0, "s", 1.0, "d")
    (row,) = windows.rows(1.0)
    assert row["static"] is row["lo"] is row["hi"] is None


def test_a_call_of_another_tool_earns_the_first_one_nothing() -> None:
    windows = Windows()
    for number in range(20):
        windows.decided(f"d{number}", "s", 0.5, is_static=True)
        windows.called(0.0, "other", 1.0, f"d{number}")
    assert windows.rows(1.0)[0]["static"] == 0.0


def test_only_the_newest_windows_are_kept_and_they_survive() -> None:
    windows, again = Windows(), Windows()
    for number in range(WINDOW_CALLS * (KEPT_WINDOWS + 3)):
        windows.called(float(number), "t", 1.0, None)
    again.restore(windows.state())
    assert len(again.rows(0.0)) == KEPT_WINDOWS
    assert again.rows(0.0) == windows.rows(0.0)
