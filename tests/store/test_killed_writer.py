"""What was acknowledged survives kill -9, whenever it comes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.store.database import Database
from gateway.store.experience import ExperienceReader
from gateway.store.ledger import Ledger
from gateway.store.urls import sqlite_url

ROOT = Path(__file__).parents[2]
ACKNOWLEDGED_BEFORE_KILL = (1, 40, 700, 13, 250)


def _write_until_killed(url: str, first: int, lines: int) -> list[str]:
    """Run a writer, read `lines` acknowledgements, kill it, and return all that it had said."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.store.killed_writer", url, str(first)],
        stdout=subprocess.PIPE, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout is not None
    with process:
        said = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        said += process.stdout.readlines()
    return [line.decode().strip() for line in said if line.endswith(b"\n")]


@pytest.mark.process
@pytest.mark.timeout(120)
async def test_every_acknowledged_row_survives_kill_9(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "gateway.db")
    acknowledged: set[str] = set()
    for turn, lines in enumerate(ACKNOWLEDGED_BEFORE_KILL):
        acknowledged.update(_write_until_killed(url, turn * 1_000_000, lines))
    db = await Database.open(url)
    stored = {call_id for (call_id,) in await db.fetch("SELECT call_id FROM calls")}
    counts = await Ledger(db).counts()
    assert await db.integrity() == []
    await db.close()
    reader = ExperienceReader(url)
    labels = len(reader.since(0, 10_000_000))
    reader.close()
    assert len(acknowledged) >= sum(ACKNOWLEDGED_BEFORE_KILL)
    assert acknowledged <= stored
    assert set(counts.values()) == {len(stored)}  # each transaction is there whole or not at all
    assert labels == 2 * len(stored)
