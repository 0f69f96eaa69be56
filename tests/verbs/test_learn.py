from __future__ import annotations

from pathlib import Path

from gateway.verbs import learn
from tests.verbs.running import open_site


async def test_the_status_is_the_policys_with_the_learners_row(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        site.call("c1")
        told = await learn.learn_status(site.running)
    assert told["learner"] == {"state": "idle", "pid": None, "rss_bytes": None}
    assert (told["mode"], told["experiences"]) == ("on", 1)


async def test_training_and_evaluation_see_everything_that_was_called_before(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        site.call("c1")
        told = await learn.learn_train(site.running)
        assert told == {"trained": 1, "replay": 9, "loss": 0.5, "grad_norm": 0.1, "version": "1.0"}
        site.call("c2")
        assert (await learn.learn_evaluate(site.running))["promote"] is False
    assert site.learner.pending_when_asked == [0, 0]


async def test_the_report_lists_every_tool_best_first(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        for number in range(5):
            site.call(f"c{number}", outcome="tool_error")
        told = await learn.learn_report(site.running)
    assert {row["name"] for row in told["tools"]} == {"clock__now", "clock__zones", "git__log"}
    assert told["tools"][-1]["name"] == "clock__now"
    assert told["tools"][-1]["n"] == 5
    assert told["learner"]["state"] == "idle"
