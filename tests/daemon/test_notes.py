from __future__ import annotations

from pathlib import Path

import pytest

from gateway.daemon.notes import Notes


def test_what_was_noted_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "notes.json"
    Notes(path).add("starter", "time")
    Notes(path).add("starter", "git")
    assert Notes(path).names("starter") == ["time", "git"]
    assert Notes(path).names("discover:weather") == []
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_name_is_noted_once(tmp_path: Path) -> None:
    notes = Notes(tmp_path / "notes.json")
    for _ in range(2):
        notes.add("starter", "time")
    assert notes.names("starter") == ["time"]


def test_a_note_can_be_replaced(tmp_path: Path) -> None:
    notes = Notes(tmp_path / "notes.json")
    notes.add("starter", "time")
    for digest in ("a", "b"):
        notes.replace("block:one", digest)
    assert (notes.names("block:one"), notes.names("starter")) == (["b"], ["time"])


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b"\xff\xfe", b'{"starter": "time"}', b'{"starter": [1]}'])
def test_a_damaged_file_counts_as_empty(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "notes.json"
    path.write_bytes(damage)
    notes = Notes(path)
    assert notes.names("starter") == []
    notes.add("starter", "git")
    assert notes.names("starter") == ["git"]
