"""Files written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.learning.files import write_atomically


def test_a_file_is_replaced_and_nothing_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "x.json"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert [p.name for p in path.parent.iterdir()] == ["x.json"]


def test_a_failure_leaves_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.mkdir()
    with pytest.raises(OSError, match=r"."):
        write_atomically(path, b"new")
    assert path.is_dir()
    assert [p.name for p in tmp_path.iterdir()] == ["x"]
