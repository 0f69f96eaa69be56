from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import Config
from gateway.config.tools import ToolsSection
from gateway.errors import NotFound, UnknownTool, UsageError
from gateway.facts import DecisionMade, Rewarded
from gateway.verbs import use
from tests.verbs.fakes import spelled
from tests.verbs.running import open_site


async def test_the_tools_come_best_first_with_their_reasons(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        told = await use.tools(site.running, query="commits of a repository")
    first = told["tools"][0]
    assert (first["name"], first["server"], first["tool"]) == ("git__log", "git", "log")
    assert first["why"]
    assert {"score", "relevance", "reliability", "n", "listed"} <= first.keys()
    assert len(told["tools"]) == 3


async def test_asking_what_would_be_offered_decides_nothing(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        told = await use.tools(site.running, query="time", agent="ann", run="r1")
        assert told["decision_id"] is None
        assert not any(isinstance(fact, DecisionMade) for fact in site.published)
        assert told == await use.tools(site.running, query="time", agent="ann", run="r1")


async def test_what_lies_beyond_the_list_is_marked(tmp_path: Path) -> None:
    async with open_site(tmp_path, Config(tools=ToolsSection(max_listed=1))) as site:
        told = await use.tools(site.running, query="time")
    assert [row["listed"] for row in told["tools"]] == [True, False, False]


async def test_a_call_is_made_as_the_administration_for_an_agent(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        result = await use.call(site.running, "clock__now", {"zone": "UTC"}, agent="ann", run="r1")
    ((_, _, caller),) = site.endpoint.called
    assert result["content"][0]["text"] == "{'zone': 'UTC'}"
    assert (caller.principal, caller.agent, caller.run) == ("admin", "ann", "r1")


async def test_a_call_of_an_unknown_tool_is_an_error(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        with pytest.raises(UnknownTool):
            await use.call(site.running, "clock__then", {})


async def test_the_ledger_shows_what_was_just_called(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        site.call("c1")
        site.call("c2", agent="bob", run="r2")
        assert [row["call_id"] for row in (await use.calls(site.running, limit=50))["calls"]] == ["c2", "c1"]
        assert [row["call_id"] for row in (await use.calls(site.running, agent="bob"))["calls"]] == ["c2"]
        assert {row["run"] for row in (await use.runs(site.running))["runs"]} == {"r1", "r2"}


async def test_feedback_is_answered_when_it_is_committed(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        site.call("c1")
        told = await use.feedback(site.running, "c1", 0.75, comment="helped")
        assert site.running.ledger_sink.pending == 0
        row = await site.shop.parts.ledger.call("c1")
    assert row is not None
    (reward,) = row["rewards"]
    assert (reward["id"], reward["value"], reward["source"], reward["decision_id"]) == (
        told["id"],
        0.75,
        "rating",
        "d1",
    )
    assert reward["provenance"] == "admin: helped"
    assert told == {"id": reward["id"], "call_id": "c1", "score": 0.75}


async def test_feedback_reaches_the_policy_under_the_exposed_name(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        site.call("c1")
        await use.feedback(site.running, "c1", 1.0)
    assert [fact.tool for fact in site.published if isinstance(fact, Rewarded)] == ["clock__now"]


@pytest.mark.parametrize("score", [-0.01, 1.01, float("nan"), float("inf")])
async def test_a_score_out_of_range_is_refused_and_nothing_recorded(tmp_path: Path, score: float) -> None:
    async with open_site(tmp_path) as site:
        site.call("c1")
        with pytest.raises(UsageError, match="between 0"):
            await use.feedback(site.running, "c1", score)
        assert not any(isinstance(fact, Rewarded) for fact in site.published)


async def test_feedback_on_an_unknown_call_is_an_error(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        with pytest.raises(NotFound) as caught:
            await use.feedback(site.running, "c9", 0.5)
    assert "calls" in caught.value.fix


async def test_a_long_comment_is_cut(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        site.call("c1")
        await use.feedback(site.running, "c1", 0.5, comment="x" * 10_000)
        row = await site.shop.parts.ledger.call("c1")
    assert len(spelled(row)) < 2000
