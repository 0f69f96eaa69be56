"""Connections that cannot write."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from gateway.store.opening import open_writer
from gateway.store.reading import open_reader


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    file = tmp_path / "gateway.db"
    writer = open_writer(file, "2027-01-15T08:00:00.000Z")
    reader = open_reader(file)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("DELETE FROM migrations")
    reader.close()
    writer.close()


def test_a_reader_does_not_make_a_file(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        open_reader(tmp_path / "gateway.db")
    assert list(tmp_path.iterdir()) == []
