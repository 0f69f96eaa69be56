"""What the learner reads back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import StoreUnavailable
from gateway.store.database import Database
from gateway.store.experience import ExperienceReader
from gateway.store.ledger import Ledger
from gateway.store.urls import sqlite_url
from tests.store.examples import NOON, call, decided, rewarded


@pytest.fixture
def ledger(db: Database) -> Ledger:
    return Ledger(db)


@pytest.fixture
def reader(db: Database) -> Iterator[ExperienceReader]:
    reading = ExperienceReader(sqlite_url(db.path))
    yield reading
    reading.close()


async def test_a_call_comes_with_its_decision_and_query(ledger: Ledger, reader: ExperienceReader) -> None:
    await ledger.append([decided("d1"), call("c1", decision_id="d1")], keep_queries_days=1)
    [row] = reader.since(0, 10)
    assert (row.kind, row.tool, row.outcome, row.usefulness, row.source) == ("call", "clock__now", "ok", None, "call")
    assert (row.at, row.latency_s, row.weight) == (NOON, 0.25, 1.0)
    assert (row.decision_id, row.query, row.policy_version, row.toolset_version) == (
        "d1",
        "what time is it",
        "v1",
        "t1",
    )
    assert (row.shown, row.propensities, row.bucket) == (("clock__now", "git__log"), (0.75, None), True)
    assert (row.agent, row.run, row.round) == ("ann", "run-1", 1)


async def test_a_call_without_decision_and_one_by_the_api_are_there_too(
    ledger: Ledger, reader: ExperienceReader
) -> None:
    await ledger.append([call("c1", via="api")])
    [row] = reader.since(0, 10)
    assert (row.decision_id, row.query, row.shown, row.propensities) == (None, "", (), ())


async def test_a_late_reward_comes_after_what_was_read_before(ledger: Ledger, reader: ExperienceReader) -> None:
    await ledger.append([decided("d1"), call("c1", decision_id="d1"), call("c2")], keep_queries_days=1)
    seen = reader.since(0, 10)
    await ledger.append([rewarded("r1", call_id="c1", value=0.25, weight=0.5, source="vote", provenance="bob")])
    [row] = reader.since(seen[-1].seq, 10)
    assert (row.kind, row.tool, row.outcome, row.usefulness, row.weight) == ("reward", "clock__now", "", 0.25, 0.5)
    assert (row.source, row.provenance, row.call_id, row.decision_id) == ("vote", "bob", "c1", "d1")
    assert (row.query, row.latency_s, row.round) == ("what time is it", None, 1)


async def test_a_reward_of_a_decision_takes_agent_and_round_from_it(ledger: Ledger, reader: ExperienceReader) -> None:
    await ledger.append([decided("d1"), rewarded("r1", call_id=None, decision_id="d1", tool="git__log")])
    [row] = reader.since(0, 10)
    assert (row.tool, row.agent, row.run, row.round, row.call_id) == ("git__log", "ann", "run-1", 2, None)


async def test_a_reward_of_nothing_known_is_still_readable(ledger: Ledger, reader: ExperienceReader) -> None:
    await ledger.append([rewarded("r1", call_id="gone")])
    [row] = reader.since(0, 10)
    assert (row.tool, row.call_id, row.agent, row.round) == ("", "gone", "", 0)


async def test_reading_in_pieces_gives_everything_once_in_order(ledger: Ledger, reader: ExperienceReader) -> None:
    for number in range(25):
        await ledger.append([call(f"c{number}"), rewarded(f"r{number}", call_id=f"c{number}")])
    rows, cursor = [], 0
    while piece := reader.since(cursor, 7):
        rows += piece
        cursor = piece[-1].seq
    assert len(rows) == 50
    assert [row.seq for row in rows] == sorted({row.seq for row in rows})


async def test_numbers_are_not_given_again_after_a_purge(
    ledger: Ledger, reader: ExperienceReader, db: Database
) -> None:
    await ledger.append([call("c1"), call("c2")])
    cursor = reader.since(0, 10)[-1].seq
    await db.transaction([("DELETE FROM calls", [()]), ("DELETE FROM experience", [()])])
    await ledger.append([call("c3")])
    assert [row.call_id for row in reader.since(cursor, 10)] == ["c3"]


async def test_a_purged_text_is_empty(ledger: Ledger, reader: ExperienceReader) -> None:
    await ledger.append([decided("d1"), call("c1", decision_id="d1")], keep_queries_days=0)
    assert reader.since(0, 10)[0].query == ""


def test_a_store_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        ExperienceReader(sqlite_url(tmp_path / "gateway.db"))
