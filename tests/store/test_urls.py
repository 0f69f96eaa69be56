"""Where a store lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import StoreError
from gateway.store.urls import sqlite_path, sqlite_url


def test_a_path_survives_the_way_through_a_url() -> None:
    assert sqlite_path(sqlite_url(Path("/var/lib/gateway.db"))) == Path("/var/lib/gateway.db")


def test_three_slashes_name_an_absolute_path_too() -> None:
    assert sqlite_path("sqlite:///var/lib/gateway.db") == Path("/var/lib/gateway.db")


@pytest.mark.parametrize("url", ["", "sqlite:///", "gateway.db", "postgresql+asyncpg://host/db"])
def test_another_kind_of_store_is_refused_with_a_fix(url: str) -> None:
    with pytest.raises(StoreError) as caught:
        sqlite_path(url)
    assert "sqlite:////" in caught.value.fix


def test_a_refusal_does_not_tell_the_password() -> None:
    with pytest.raises(StoreError) as caught:
        sqlite_path("postgresql://me:hunter2@host/db")
    assert "hunter2" not in str(caught.value)
