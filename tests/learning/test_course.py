"""Experience rows into lessons, trials and checkpoints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gateway.learning.course import CHECKPOINT_FILE, CHECKPOINT_ROWS, Course
from gateway.learning.snapshot import from_bytes
from gateway.store.experience import ExperienceRow
from tests.learning.rows import CARDS, NAMES, Rows, lived_rows

CONFIG = {"batch": 32, "steps": 3, "every": 16, "mode": "on"}


def _course(directory: Path) -> Course:
    course = Course.open(CONFIG, directory)
    course.set_tools(CARDS)
    return course


def _learned_row(course: Course) -> np.ndarray:
    return from_bytes(course.snapshot_bytes()).rows


def test_rows_are_read_once(tmp_path: Path) -> None:
    course, rows = _course(tmp_path), Rows(lived_rows(60))
    assert [course.study(rows, 40), course.study(rows, 40), course.study(rows, 40)] == [40, 20, 0]
    assert course.describe()["seq"] == 60


def test_studying_trains(tmp_path: Path) -> None:
    course = _course(tmp_path)
    course.study(Rows(lived_rows(64)), 1000)
    described = course.describe()
    assert described["metrics"]["loss"] > 0.0
    assert described["version"] == "v1-00000004"
    assert np.abs(_learned_row(course)).sum() > 0.0


def test_rows_of_unknown_tools_and_silent_outcomes_are_passed_over(tmp_path: Path) -> None:
    course = _course(tmp_path)
    rows = [row for row in lived_rows(2)]  # noqa: C416
    strange = [_changed(rows[0], tool="gone__tool"), _changed(rows[1], outcome="cancelled")]
    assert course.study(Rows(strange), 10) == 2
    assert course.describe()["replay"] == 0


def test_a_reward_row_teaches_relevance(tmp_path: Path) -> None:
    course = _course(tmp_path)
    row = _changed(lived_rows(1)[0], kind="reward", outcome="", usefulness=0.0, weight=3.0, source="rating")
    course.study(Rows([row]), 10)
    assert course.describe()["replay"] == 1


def test_a_checkpointed_course_goes_on_as_if_never_stopped(tmp_path: Path) -> None:
    rows = lived_rows(160)
    through = _course(tmp_path / "a")
    through.study(Rows(rows[:80]), 1000)
    through.study(Rows(rows), 1000)
    first = _course(tmp_path / "b")
    first.study(Rows(rows[:80]), 1000)
    first.checkpoint_if_due(force=True)
    second = _course(tmp_path / "b")
    second.study(Rows(rows), 1000)
    assert np.array_equal(_learned_row(through), _learned_row(second))
    assert through.describe() == second.describe()
    assert through.evaluate() == second.evaluate()


def test_checkpoints_are_written_now_and_then(tmp_path: Path) -> None:
    course = _course(tmp_path)
    course.study(Rows(lived_rows(10)), 1000)
    course.checkpoint_if_due()
    assert not (tmp_path / CHECKPOINT_FILE).exists()
    course.study(Rows(lived_rows(CHECKPOINT_ROWS + 10)), 2000)
    course.checkpoint_if_due()
    assert (tmp_path / CHECKPOINT_FILE).exists()


@pytest.mark.parametrize("content", [b"", b"nonsense", (9).to_bytes(8, "little") + b'{"a": 1} '])
def test_a_broken_checkpoint_is_left_aside(content: bytes, tmp_path: Path) -> None:
    (tmp_path / CHECKPOINT_FILE).write_bytes(content)
    assert _course(tmp_path).describe()["seq"] == 0


def test_evaluation_compares_learned_and_static_about_slot_one(tmp_path: Path) -> None:
    course = _course(tmp_path)
    course.study(Rows(lived_rows(400)), 1000)
    found = course.evaluate()
    assert {row["policy"] for row in found["estimates"]} == {"learned", "static", "learned - static"}
    assert {row["estimator"] for row in found["estimates"]} == {"ips", "snips", "paired_ips"}
    assert isinstance(found["promote"], bool)
    assert found["reason"]


def test_evaluation_without_trials_says_so(tmp_path: Path) -> None:
    found = _course(tmp_path).evaluate()
    assert found["estimates"] == []
    assert found["promote"] is False
    assert "0 evaluation decisions" in found["reason"]


def test_the_snapshot_knows_every_tool(tmp_path: Path) -> None:
    course = _course(tmp_path)
    assert len(from_bytes(course.snapshot_bytes()).row_of) == len(NAMES)


def _changed(row: ExperienceRow, **changes: object) -> ExperienceRow:
    fields = {name: getattr(row, name) for name in ExperienceRow.__struct_fields__}
    return ExperienceRow(**{**fields, **changes})
