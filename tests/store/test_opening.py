"""Whose file it is, and what it lacks."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec
import pytest

from gateway.errors import StoreError, StoreUnavailable
from gateway.listing import Listing
from gateway.model import Source
from gateway.store.opening import open_writer
from gateway.store.schema import MIGRATIONS, OLD_LISTINGS, SEARCH, Migration

AT = "2027-01-15T08:00:00.000Z"


def _open_and_close(file: Path, migrations: tuple[Migration, ...] = MIGRATIONS) -> None:
    open_writer(file, AT, migrations).close()


def test_a_fresh_store_is_private_and_carries_its_migrations(tmp_path: Path) -> None:
    file = tmp_path / "gateway.db"
    connection = open_writer(file, AT)
    applied = connection.execute("SELECT name, at FROM migrations").fetchall()
    connection.close()
    assert applied == [(migration.name, AT) for migration in MIGRATIONS]
    assert file.stat().st_mode & 0o777 == 0o600


def test_acknowledged_means_on_the_disk_and_readers_do_not_block(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / "gateway.db", AT)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    connection.close()


def test_an_older_store_gets_the_steps_that_it_lacks(tmp_path: Path) -> None:
    file = tmp_path / "gateway.db"
    _open_and_close(file)
    later = Migration("store_20270101_cost_of_rewards", ("ALTER TABLE rewards ADD COLUMN cost DOUBLE",))
    connection = open_writer(file, AT, (*MIGRATIONS, later))
    columns = {row[1] for row in connection.execute("PRAGMA table_info(rewards)")}
    connection.close()
    assert "cost" in columns
    _open_and_close(file, (*MIGRATIONS, later))  # and once is enough


def test_a_failing_migration_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "gateway.db"
    _open_and_close(file)
    broken = Migration("store_20270101_broken", ("ALTER TABLE rewards ADD COLUMN cost DOUBLE", "DROP TABLE nothing"))
    with pytest.raises(sqlite3.OperationalError):
        open_writer(file, AT, (*MIGRATIONS, broken))
    connection = open_writer(file, AT)
    columns = {row[1] for row in connection.execute("PRAGMA table_info(rewards)")}
    connection.close()
    assert "cost" not in columns


def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "gateway.db"
    _open_and_close(file, (*MIGRATIONS, Migration("learning_20990101_dreams")))
    with pytest.raises(StoreError) as caught:
        open_writer(file, AT)
    assert caught.value.code == "store_newer"
    assert "learning_20990101_dreams" in str(caught.value)
    assert "Upgrade" in caught.value.fix


def test_another_programs_file_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "photos.db"
    foreign = sqlite3.connect(file)
    foreign.execute("CREATE TABLE photos (id INTEGER)")
    foreign.close()
    before = file.read_bytes()
    with pytest.raises(StoreError) as caught:
        open_writer(file, AT)
    assert caught.value.code == "store_foreign"
    assert file.read_bytes() == before


def test_a_page_that_was_overwritten_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "gateway.db"
    _open_and_close(file)
    content = bytearray(file.read_bytes())
    content[8192:] = b"\xa5" * (len(content) - 8192)
    file.write_bytes(content)
    with pytest.raises((StoreError, sqlite3.DatabaseError)):
        open_writer(file, AT)


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        open_writer(tmp_path / "nowhere" / "gateway.db", AT)
    assert "nowhere" in str(caught.value)
    assert caught.value.fix


_BEFORE_SEARCH = (
    "DROP TABLE listing_words",
    "DROP TABLE listing_names",
    "DROP TABLE listing_facts",
    "DROP TABLE listings",
    "CREATE TABLE listings (source TEXT NOT NULL, name TEXT NOT NULL, words TEXT NOT NULL, use_count INTEGER NOT NULL,"
    " fetched_at DOUBLE NOT NULL, body BLOB NOT NULL, PRIMARY KEY (source, name))",
    f"DELETE FROM migrations WHERE name = '{SEARCH}'",
)


def test_the_listings_of_a_store_without_search_are_found_afterwards(tmp_path: Path) -> None:
    file = tmp_path / "gateway.db"
    kept = Listing(source=Source.SMITHERY, name="acme/weather", description="Forecasts", use_count=7)
    connection = open_writer(file, AT)
    for statement in _BEFORE_SEARCH:
        connection.execute(statement)
    insert = "INSERT INTO listings VALUES ('smithery', ?, 'words', 7, 1.0, ?)"
    connection.execute(insert, ("acme/weather", msgspec.json.encode(kept)))
    connection.execute(insert, ("acme/unreadable", b"{}"))
    connection.close()

    connection = open_writer(file, AT)
    matching = "SELECT body FROM listings JOIN listing_words ON id = listing_words.rowid WHERE listing_words MATCH ?"
    found = connection.execute(matching, ("forecast",)).fetchall()
    names = connection.execute("SELECT name, use_count FROM listings").fetchall()
    left = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = ?", (OLD_LISTINGS,)).fetchone()
    connection.close()
    assert [msgspec.json.decode(body, type=Listing) for (body,) in found] == [kept]
    assert names == [("acme/weather", 7)]
    assert left == (0,)
    _open_and_close(file)  # and once is enough
