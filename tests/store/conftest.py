"""A fresh store for each test that asks for one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.store.database import Database
from gateway.store.urls import sqlite_url


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    """An open, empty store."""
    database = await Database.open(sqlite_url(tmp_path / "gateway.db"))
    yield database
    await database.close()
