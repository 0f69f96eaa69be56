"""Who must act on an exception of the driver."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from gateway.errors import StoreUnavailable
from gateway.store.sqlite_errors import store_error

FILE = Path("/state/gateway.db")


def _driver_error(name: str) -> sqlite3.Error:
    exc = sqlite3.OperationalError("as the driver says")
    exc.sqlite_errorname = name
    return exc


@pytest.mark.parametrize("name", ["SQLITE_FULL", "SQLITE_READONLY_DBMOVED", "SQLITE_IOERR_WRITE", "SQLITE_BUSY"])
def test_what_may_pass_is_unavailable_and_says_what_to_do(name: str) -> None:
    error = store_error(FILE, _driver_error(name))
    assert isinstance(error, StoreUnavailable)
    assert error.fix


@pytest.mark.parametrize("name", ["SQLITE_CORRUPT_INDEX", "SQLITE_NOTADB"])
def test_a_damaged_file_calls_for_a_backup(name: str) -> None:
    error = store_error(FILE, _driver_error(name))
    assert error.code == "store_damaged"
    assert "backup" in error.fix


def test_a_refused_statement_is_a_bug_not_an_outage() -> None:
    error = store_error(FILE, _driver_error("SQLITE_CONSTRAINT_NOTNULL"))
    assert not isinstance(error, StoreUnavailable)
    assert error.code == "store"
