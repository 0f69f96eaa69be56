"""Snapshots: round trip and refusal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from gateway.learning.roster import Roster
from gateway.learning.snapshot import PolicySnapshot, SnapshotRefused, base_snapshot, check, from_bytes, read_file
from gateway.learning.text import QUERY_SPACE, text_key
from gateway.model import ToolCard

CARD = ToolCard("a", "current_time", "Tell the time.")


def _snapshot(width: int = 4) -> PolicySnapshot:
    rng = np.random.default_rng(3)
    return PolicySnapshot(
        gates=np.array([1.0, 2.0, -3.0], np.float32),
        features=rng.standard_normal((QUERY_SPACE, width), np.float32),
        dense=np.zeros((0, width), np.float32),
        rows=rng.standard_normal((2, width), np.float32),
        bias=np.array([0.5, -0.5], np.float32),
        row_of={text_key(CARD): 1},
        counts=np.array([3.0, 4.0], np.float32),
        meta={"version": "1", "counter": 7},
    )


def test_a_snapshot_survives_its_bytes() -> None:
    one, other = _snapshot(), from_bytes(_snapshot().to_bytes())
    assert np.array_equal(one.features, other.features)
    assert np.array_equal(one.rows, other.rows)
    assert (other.row_of, other.meta) == (one.row_of, one.meta)


def test_an_unknown_tool_has_no_residual() -> None:
    roster = Roster()
    roster.add([CARD])
    evidence = roster.evidence("time")
    known, unknown = (float(_snapshot().logits(evidence, np.array([row]))[0]) for row in (1, -1))
    assert unknown == pytest.approx(2.0 * float(evidence.lexical[0]) - 3.0)
    assert known != unknown


def test_the_base_snapshot_is_usable() -> None:
    check(base_snapshot())
    assert from_bytes(base_snapshot().to_bytes()).meta["counter"] == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(bad: float) -> None:
    snapshot = _snapshot()
    rows = snapshot.rows.copy()
    rows[0, 0] = bad
    with pytest.raises(SnapshotRefused, match="finite"):
        from_bytes(replace(snapshot, rows=rows).to_bytes())


@pytest.mark.parametrize(
    "changed",
    [
        {"gates": np.zeros(2, np.float32)},
        {"features": np.zeros((5, 4), np.float32)},
        {"rows": np.zeros((2, 3), np.float32)},
        {"bias": np.zeros(3, np.float32)},
        {"row_of": {"x": 2}},
        {"dense": np.zeros((1, 9), np.float32)},
    ],
)
def test_wrong_shapes_are_refused(changed: dict[str, object]) -> None:
    with pytest.raises(SnapshotRefused, match="shapes"):
        from_bytes(replace(_snapshot(), **changed).to_bytes())


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff" * 64, (20).to_bytes(8, "little") + b"{}                  "])
def test_bytes_that_are_no_snapshot_are_refused(data: bytes) -> None:
    with pytest.raises(SnapshotRefused):
        from_bytes(data)


def test_a_missing_array_is_refused() -> None:
    data = save({"gates": np.zeros(3, np.float32)}, metadata={"format": "1", "meta": "{}", "row_of": "{}"})
    with pytest.raises(SnapshotRefused, match="lacks"):
        from_bytes(data)


def test_another_format_is_refused() -> None:
    data = save({"gates": np.zeros(3, np.float32)}, metadata={"format": "9", "meta": "{}", "row_of": "{}"})
    with pytest.raises(SnapshotRefused, match="format"):
        from_bytes(data)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SnapshotRefused, match="cannot read"):
        read_file(tmp_path / "nothing")
