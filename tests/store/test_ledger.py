"""The ledger's questions and answers."""

from __future__ import annotations

import pytest

from gateway.errors import UsageError
from gateway.store.database import Database
from gateway.store.ledger import Ledger, since_text
from tests.fakes import FakeClock
from tests.store.examples import NOON, call, decided, rewarded


@pytest.fixture
def ledger(db: Database, clock: FakeClock) -> Ledger:
    return Ledger(db, clock)


async def test_calls_come_back_newest_first_with_every_column(ledger: Ledger) -> None:
    await ledger.append([call("c1", at=NOON), call("c2", at=NOON + 1, outcome="tool_error", error_code="x")])
    newest, oldest = await ledger.calls()
    assert [newest["call_id"], oldest["call_id"]] == ["c2", "c1"]
    assert oldest == {
        "call_id": "c1", "at": "2027-01-15T08:00:00.000Z", "principal": "p", "agent": "ann", "run": "run-1", "round": 1,
        "session": "s", "profile": "", "server": "clock", "tool": "now", "exposed": "clock__now", "via": "direct",
        "decision_id": None, "outcome": "ok", "error_code": None, "latency_s": 0.25, "bytes_in": 10, "bytes_out": 20,
        "args_hmac": "0123456789abcdef", "cost": None,
    }  # fmt: skip


async def test_the_newest_calls_come_back_as_the_facts_they_were(ledger: Ledger) -> None:
    told = [call(f"c{number}", at=NOON + number) for number in range(4)]
    await ledger.append(told)
    assert await ledger.newest(3) == told[1:]


async def test_calls_are_filtered_by_agent_run_and_tool(ledger: Ledger) -> None:
    await ledger.append(
        [call("c1"), call("c2", agent="bob"), call("c3", run="run-2"), call("c4", tool="log", exposed="git__log")]
    )
    assert [row["call_id"] for row in await ledger.calls(agent="bob")] == ["c2"]
    assert [row["call_id"] for row in await ledger.calls(run="run-2")] == ["c3"]
    assert [row["call_id"] for row in await ledger.calls(tool="git__log")] == ["c4"]
    assert [row["call_id"] for row in await ledger.calls(tool="log")] == ["c4"]
    assert await ledger.calls(agent="'; DROP TABLE calls; --") == []


async def test_since_takes_a_duration_or_a_time(ledger: Ledger, clock: FakeClock) -> None:
    await ledger.append([call("old", at=clock.wall() - 7200), call("new", at=clock.wall() - 60)])
    assert [row["call_id"] for row in await ledger.calls(since="1h")] == ["new"]
    assert [row["call_id"] for row in await ledger.calls(since="2027-01-15T09:30:00+02:00")] == ["new"]
    assert len(await ledger.calls(since="1d")) == 2


@pytest.mark.parametrize(
    ("since", "text"),
    [
        ("90s", "2027-01-15T07:58:30.000Z"),
        ("1.5h", "2027-01-15T06:30:00.000Z"),
        ("2027-01-01", "2027-01-01T00:00:00.000Z"),
        ("99999999999w", "1970-01-01T00:00:00.000Z"),
    ],
)
def test_since_is_read_as_people_write_it(since: str, text: str) -> None:
    assert since_text(since, NOON) == text


@pytest.mark.parametrize("since", ["", "yesterday", "1y", "-1h", "2027-13-01"])
async def test_a_since_that_cannot_be_read_is_refused(ledger: Ledger, since: str) -> None:
    with pytest.raises(UsageError) as caught:
        await ledger.calls(since=since)
    assert "1h" in caught.value.fix


async def test_a_limit_below_one_is_refused(ledger: Ledger) -> None:
    with pytest.raises(UsageError):
        await ledger.calls(limit=0)


async def test_a_call_carries_its_rewards(ledger: Ledger) -> None:
    await ledger.append([call("c1"), rewarded("r1", call_id="c1", value=0.25)])
    row = await ledger.call("c1")
    assert row is not None
    assert [(reward["source"], reward["value"]) for reward in row["rewards"]] == [("rating", 0.25)]
    assert await ledger.call("c2") is None


async def test_runs_are_summed_up_the_latest_first(ledger: Ledger) -> None:
    await ledger.append(
        [call("c1", run="a"), call("c2", run="b", at=NOON + 9), call("c3", run="a", agent="bob", outcome="timeout")]
    )
    latest, first = await ledger.runs()
    assert latest["run"] == "b"
    assert first == {
        "run": "a", "first_at": "2027-01-15T08:00:00.000Z", "last_at": "2027-01-15T08:00:00.000Z", "calls": 2,
        "ok": 1, "failed": 1,
        "tools": 1, "agents": ["ann", "bob"],
    }  # fmt: skip


async def test_writing_the_same_facts_again_changes_nothing(ledger: Ledger) -> None:
    facts = [decided("d1"), call("c1"), rewarded("r1")]
    await ledger.append(facts, keep_queries_days=1)
    await ledger.append(facts, keep_queries_days=1)
    assert await ledger.counts() == {"calls": 1, "decisions": 1, "rewards": 1}


async def test_a_querys_text_is_kept_for_its_days_and_no_longer(ledger: Ledger, db: Database, clock: FakeClock) -> None:
    await ledger.append([decided("d1")], keep_queries_days=30)
    clock.advance(29 * 86400)
    assert await ledger.purge_queries() == 0
    await ledger.append([decided("d2", query="another", at=clock.wall())], keep_queries_days=30)
    clock.advance(2 * 86400)
    assert await ledger.purge_queries() == 1
    assert await db.fetch("SELECT text FROM queries ORDER BY text") == [(None,), ("another",)]


async def test_asking_again_keeps_a_text_longer(ledger: Ledger, db: Database) -> None:
    await ledger.append([decided("d1")], keep_queries_days=2)
    await ledger.append([decided("d2")], keep_queries_days=1)
    assert await db.fetch("SELECT kept_until FROM queries") == [("2027-01-17T08:00:00.000Z",)]


async def test_with_zero_days_no_text_is_ever_stored(ledger: Ledger, db: Database) -> None:
    await ledger.append([decided("d1")], keep_queries_days=0)
    assert await db.fetch("SELECT text FROM queries") == [(None,)]
    assert b"what time is it" not in db.path.read_bytes() + db.path.with_name("gateway.db-wal").read_bytes()


async def test_odd_names_from_callers_do_not_cost_the_row(ledger: Ledger) -> None:
    await ledger.append([call("c1", agent="\ud800", run="x" * 5000)])
    assert (await ledger.calls())[0]["agent"] == "?"
