"""Candidates that failed wait, longer each time, but not for ever."""

from __future__ import annotations

from pathlib import Path

from gateway.daemon.candidates import FIRST_WAIT_S, LONGEST_WAIT_S, Candidates


def test_a_failure_makes_a_candidate_wait_and_says_why(tmp_path: Path) -> None:
    candidates = Candidates(tmp_path / "candidates.json")
    candidates.failed("a", 1000.0, "it fell over")
    found = Candidates(tmp_path / "candidates.json").waits("a", 1000.0 + FIRST_WAIT_S - 1)
    assert found is not None
    assert (found.tries, found.until, found.reason) == (1, 1000.0 + FIRST_WAIT_S, "it fell over")
    assert candidates.waits("a", 1000.0 + FIRST_WAIT_S) is None
    assert candidates.waits("b", 1000.0) is None


def test_each_further_failure_doubles_the_wait_up_to_a_week(tmp_path: Path) -> None:
    candidates = Candidates(tmp_path / "candidates.json")
    waits = []
    for _ in range(12):
        candidates.failed("a", 0.0, "no")
        found = candidates.waits("a", 0.0)
        assert found is not None
        waits.append(found.until)
    assert waits[:3] == [FIRST_WAIT_S, 2 * FIRST_WAIT_S, 4 * FIRST_WAIT_S]
    assert waits[-1] == LONGEST_WAIT_S


def test_one_that_worked_starts_from_the_bottom_again(tmp_path: Path) -> None:
    candidates = Candidates(tmp_path / "candidates.json")
    candidates.failed("a", 0.0, "no")
    candidates.worked("a")
    candidates.worked("never failed")
    assert candidates.waits("a", 0.0) is None


def test_a_damaged_file_counts_as_empty(tmp_path: Path) -> None:
    (tmp_path / "candidates.json").write_text("[")
    candidates = Candidates(tmp_path / "candidates.json")
    assert candidates.waits("a", 0.0) is None
    candidates.failed("a", 0.0, "no")
    assert candidates.waits("a", 0.0) is not None
