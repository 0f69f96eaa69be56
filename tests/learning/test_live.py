"""The policy as the daemon runs it."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.config.learning import LearningSection
from gateway.facts import BreakerMoved, CallFinished, Rewarded, StateChanged
from gateway.learning.files import write_atomically
from gateway.learning.live import LivePolicy
from gateway.learning.reward import Lesson
from gateway.learning.roster import Roster
from gateway.learning.snapshot import SnapshotRefused, base_snapshot
from gateway.learning.trainer import Trainer, TrainingRules
from gateway.model import Caller, ChooseRequest, Decision, DecisionKind, ServerName, ToolCard
from tests.fakes import FakeClock

TIME = "Return the current time in a time zone."
CARDS = [
    ToolCard("flaky__now", "now", TIME, "flaky"),
    ToolCard("solid__now", "now", TIME, "solid"),
    ToolCard("post__send_mail", "send_mail", "Send a message to somebody.", "post"),
    ToolCard("disk__rename", "rename", "Rename a document in a folder.", "disk"),
]
NAMES = tuple(card.id for card in CARDS)
CALLER = Caller(principal="p", agent="a", run="r")


def _policy(directory: Path, clock: FakeClock, *, seed: int = 1, **config: object) -> LivePolicy:
    section = replace(LearningSection(), **config)
    policy = LivePolicy(config=section, directory=directory, clock=clock, rng=random.Random(seed))
    policy.set_tools("v1", CARDS)
    return policy


def _list(policy: LivePolicy, k: int = 64) -> Decision:
    return policy.decide(ChooseRequest(DecisionKind.LIST, CALLER, 1, "", k, NAMES))


def _find(policy: LivePolicy, query: str = "what time is it now", k: int = 5) -> Decision:
    return policy.decide(ChooseRequest(DecisionKind.FIND, CALLER, 1, query, k, NAMES))


def _finished(call_id: str, tool: str, outcome: str, decision: str | None = None) -> CallFinished:
    return CallFinished(
        call_id=call_id,
        at=1.0,
        principal="p",
        agent="a",
        run="r",
        round=1,
        session="s",
        profile="",
        server=tool.split("__", maxsplit=1)[0],
        tool=tool.split("__")[1],
        exposed=tool,
        via="direct",
        decision_id=decision,
        outcome=outcome,
        error_code=None,
        latency_s=0.1,
        bytes_in=1,
        bytes_out=100,
        args_hmac="x",
    )


def _call(policy: LivePolicy, tool: str, outcome: str, decision: str | None = None) -> None:
    policy(_finished("c", tool, outcome, decision))


def _use_both_servers(policy: LivePolicy, seed: int, calls: int = 200) -> None:
    """Call both servers' tools alternately: one fails 80 % of the time, the other 3 %."""
    rng = random.Random(seed)
    for number in range(calls):
        tool = ("flaky__now", "solid__now")[number % 2]
        fails = rng.random() < (0.8, 0.03)[number % 2]
        _call(policy, tool, "tool_error" if fails else "ok")


def _solid_first(decision: Decision) -> bool:
    return decision.shown.index("solid__now") < decision.shown.index("flaky__now")


@pytest.mark.parametrize("seed", range(10))
def test_the_reliable_server_comes_first_also_after_a_restart(seed: int, tmp_path: Path, clock: FakeClock) -> None:
    policy = _policy(tmp_path, clock, seed=seed)
    _use_both_servers(policy, seed)
    again = None
    for _ in range(2):
        serving = again or policy
        assert sum(_solid_first(_list(serving)) for _ in range(20)) >= 19
        assert sum(_solid_first(_find(serving)) for _ in range(20)) >= 19
        serving.flush()
        again = _policy(tmp_path, clock, seed=seed + 100)


def test_the_reliable_server_stays_first_for_a_day_without_calls(tmp_path: Path, clock: FakeClock) -> None:
    policy = _policy(tmp_path, clock, bucket=0.0)
    _use_both_servers(policy, 3)
    clock.advance(24 * 3600.0)
    assert _solid_first(_list(policy))


def test_calls_that_a_killed_daemon_did_not_count_are_counted_once_from_the_ledger(
    tmp_path: Path, clock: FakeClock
) -> None:
    counted = [_finished(f"c{number}", NAMES[0], "ok") for number in range(3)]
    missed = [_finished(f"m{number}", NAMES[1], "tool_error") for number in range(5)]
    before = _policy(tmp_path, clock)
    for fact in counted:
        before(fact)
    before.flush()
    after = _policy(tmp_path, clock)
    assert after.catch_up([*counted, *missed]) == 5
    assert after.catch_up([*counted, *missed]) == 0
    assert after.experiences == 8


def test_a_tool_that_fails_sinks_within_a_few_calls(tmp_path: Path, clock: FakeClock) -> None:
    policy = _policy(tmp_path, clock, bucket=0.0)
    assert _find(policy).shown[0] == "flaky__now"
    for _ in range(3):
        _call(policy, "flaky__now", "gone")
    assert _find(policy).shown[0] == "solid__now"
    assert policy.status()["breakers"] == ["flaky__now"]


def test_refused_cancelled_and_busy_say_nothing_about_a_tool(tmp_path: Path, clock: FakeClock) -> None:
    policy = _policy(tmp_path, clock)
    for outcome in ("refused", "cancelled", "busy"):
        _call(policy, "flaky__now", outcome)
    policy(StateChanged(at=0.0, server=ServerName("x"), state="ready", health="healthy", reason=""))
    assert policy.experiences == policy.pending == 0


def test_an_empty_query_lists_used_and_useful_tools_first(tmp_path: Path, clock: FakeClock) -> None:
    policy = _policy(tmp_path, clock, bucket=0.0)
    for number in range(30):
        _call(policy, "disk__rename", "ok")
        _call(policy, "post__send_mail", "ok")
        policy(Rewarded(f"r{number}", "c", None, 1.0, "rating", 0.0, 3.0, f"j{number}", "post__send_mail"))
    shown = _list(policy).shown
    assert shown[0] == "disk__rename"
    assert shown[-1] == "post__send_mail"


def test_a_query_finds_its_tool_without_any_experience(tmp_path: Path, clock: FakeClock) -> None:
    assert _find(_policy(tmp_path, clock, bucket=0.0), "rename my document").shown[0] == "disk__rename"


def test_a_decision_is_complete(tmp_path: Path, clock: FakeClock) -> None:
    policy = _policy(tmp_path, clock, bucket=0.0)
    decision = _find(policy, k=3)
    assert len(decision.shown) == len(decision.propensities) == len(decision.explain) == 3
    assert decision.propensities == (None, None, None)
    assert (decision.policy_version, decision.toolset_version, decision.mode) == ("1.0", "v1", "on")
    assert decision.id != _find(policy, k=3).id


def test_unknown_candidates_keep_their_order_at_the_end(tmp_path: Path, clock: FakeClock) -> None:
    policy = _policy(tmp_path, clock)
    request = ChooseRequest(DecisionKind.LIST, CALLER, 1, "", 9, ("gateway__b", "disk__rename", "gateway__a"))
    assert policy.decide(request).shown == ("disk__rename", "gateway__b", "gateway__a")
    only = ChooseRequest(DecisionKind.LIST, CALLER, 1, "", 9, ("x", "y"))
    assert policy.decide(only).shown == ("x", "y")
    assert policy.decide(replace(only, candidates=())).shown == ()


def test_a_bucket_decision_states_closed_form_odds(tmp_path: Path, clock: FakeClock) -> None:
    policy = _policy(tmp_path, clock, bucket=1.0)
    decisions = [_find(policy, k=2) for _ in range(50)]
    assert all(d.bucket and d.propensities[0] is not None and 0.0 < d.propensities[0] <= 1.0 for d in decisions)
    firsts = {d.shown[0]: d.propensities[0] for d in decisions}
    assert len(firsts) > 1


def test_about_a_tenth_of_the_decisions_are_for_evaluation(tmp_path: Path, clock: FakeClock) -> None:
    policy = _policy(tmp_path, clock)
    assert 60 <= sum(_list(policy).bucket for _ in range(1000)) <= 140


@pytest.mark.parametrize("mode", ["off", "shadow"])
def test_off_and_shadow_show_the_static_order(mode: str, tmp_path: Path, clock: FakeClock) -> None:
    policy = _policy(tmp_path, clock, mode=mode, bucket=1.0)
    for _ in range(5):
        _call(policy, "flaky__now", "gone")
    decision = _find(policy)
    assert decision.shown[0] == "flaky__now"
    assert not decision.bucket
    assert _list(policy).shown == NAMES


def _snapshot_file(directory: Path) -> Path:
    roster, trainer = Roster(), Trainer(TrainingRules(batch=32))
    roster.add(CARDS)
    for _ in range(8):
        trainer.add(roster, roster.evidence("ping grandma"), "post__send_mail", Lesson(1.0, 1.0, 1.0))
        trainer.burst()
    path = directory / "snapshots" / "policy-x.safetensors"
    write_atomically(path, trainer.snapshot(roster, metrics=trainer.metrics).to_bytes())
    return path


def test_an_adopted_snapshot_changes_the_order_and_survives_a_restart(tmp_path: Path, clock: FakeClock) -> None:
    policy = _policy(tmp_path, clock, bucket=0.0)
    policy.adopt(_snapshot_file(tmp_path))
    policy.flush()
    again = _policy(tmp_path, clock, bucket=0.0)
    for serving in (policy, again):
        assert _find(serving, "ping grandma").shown[0] == "post__send_mail"
        assert serving.version == "1.8"
        assert serving.status()["loss"] is not None


def test_a_copy_of_a_learned_tool_on_a_new_server_shares_what_was_learned(tmp_path: Path, clock: FakeClock) -> None:
    policy = _policy(tmp_path, clock, bucket=0.0)
    policy.adopt(_snapshot_file(tmp_path))
    policy.set_tools("v2", [*CARDS[:2], ToolCard("new__mail", "send_mail", CARDS[2].description, "new"), *CARDS[2:]])
    request = ChooseRequest(DecisionKind.FIND, CALLER, 1, "ping grandma", 5, ("disk__rename", "new__mail"))
    assert policy.decide(request).shown[0] == "new__mail"


def test_a_refused_snapshot_leaves_the_old_one(tmp_path: Path, clock: FakeClock) -> None:
    policy = _policy(tmp_path, clock)
    bad, foreign = tmp_path / "bad", tmp_path / "foreign"
    bad.write_bytes(b"nonsense")
    foreign.write_bytes(replace(base_snapshot(), meta={"version": "999", "counter": 5}).to_bytes())
    for path in (bad, foreign, tmp_path / "missing"):
        with pytest.raises(SnapshotRefused):
            policy.adopt(path)
    assert policy.version == "1.0"


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"reliability": {"x": [1]}}', b"\xff\xff"])
def test_broken_counts_start_afresh(content: bytes, tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "live.json").write_bytes(content)
    assert len(_list(_policy(tmp_path, clock)).shown) == len(NAMES)


def test_a_missing_snapshot_file_serves_with_the_base(tmp_path: Path, clock: FakeClock) -> None:
    policy = _policy(tmp_path, clock)
    policy.adopt(_snapshot_file(tmp_path))
    policy.flush()
    (tmp_path / "snapshots" / "policy-x.safetensors").write_bytes(b"torn")
    assert _policy(tmp_path, clock).version == "1.0"


def test_counts_are_written_only_when_they_changed(tmp_path: Path, clock: FakeClock) -> None:
    policy = _policy(tmp_path, clock)
    assert policy.take_state() is None
    _call(policy, "disk__rename", "ok")
    data = policy.take_state()
    assert data is not None
    assert json.loads(data)["experiences"] == 1
    assert policy.take_state() is None


def test_explaining_draws_nothing(tmp_path: Path, clock: FakeClock) -> None:
    one, other = _policy(tmp_path, clock), _policy(tmp_path, clock)
    rows = one.explain("what time is it", CALLER, [*NAMES, "unheard"])
    assert [_list(one).id for _ in range(3)] == [_list(other).id for _ in range(3)]
    assert rows[0].name == "flaky__now"
    assert rows[-1].name == "unheard"
    assert all(rows[i].score >= 0.0 for i in range(len(rows)))


def test_status_has_the_shape_of_the_contract(tmp_path: Path, clock: FakeClock) -> None:
    policy = _policy(tmp_path, clock, bucket=1.0)
    decision = _find(policy)
    _call(policy, decision.shown[0], "ok", decision.id)
    status = policy.status()
    keys = {"mode", "version", "serving_since", "experiences", "pending", "windows", "loss", "grad_norm"}
    assert keys | {"entropy", "ece", "breakers"} <= set(status)
    assert set(status["windows"][0]) == {"from", "to", "calls", "reward", "static", "lo", "hi"}
    json.dumps(status)


def test_a_reset_forgets_and_a_freeze_is_remembered(tmp_path: Path, clock: FakeClock) -> None:
    policy = _policy(tmp_path, clock, bucket=0.0)
    for _ in range(3):
        _call(policy, "flaky__now", "gone")
    policy.reset()
    policy.freeze()
    policy.flush()
    assert _find(policy).shown[0] == "flaky__now"
    assert _policy(tmp_path, clock).frozen


@pytest.mark.process
def test_the_daemons_side_never_imports_torch(tmp_path: Path) -> None:
    _snapshot_file(tmp_path)
    code = f"""
import random, sys
from pathlib import Path
from gateway.clock import SystemClock
from gateway.config.learning import LearningSection
from gateway.learning.link import LearnerLink
from gateway.learning.live import LivePolicy
from gateway.learning.recorder import Recorder
from gateway.model import Caller, ChooseRequest, DecisionKind, ToolCard
directory = Path({str(tmp_path)!r})
policy = LivePolicy(config=LearningSection(), directory=directory, clock=SystemClock(), rng=random.Random(1))
policy.set_tools("v", [ToolCard("post__send_mail", "send_mail", "Send a message to somebody.", "post")])
policy.adopt(directory / "snapshots" / "policy-x.safetensors")
policy.decide(ChooseRequest(DecisionKind.FIND, Caller("p"), 1, "ping grandma", 5, ("post__send_mail",)))
print(policy.version, "torch" in sys.modules)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert found.stdout.split() == ["1.8", "False"]


def test_a_tool_that_is_held_back_goes_to_the_end_says_why_and_comes_back_as_it_was(
    tmp_path: Path, clock: FakeClock
) -> None:
    policy = _policy(tmp_path, clock, bucket=0.0)
    before = _find(policy)
    assert before.shown[0] in ("flaky__now", "solid__now")
    first = before.shown[0]
    server = ServerName(first.split("__", maxsplit=1)[0])
    policy(BreakerMoved(clock.wall(), server, "now", "open", "failed 5 times in a row", 30.0))
    held = _find(policy)
    assert held.shown[-1] == first
    assert sorted(held.shown) == sorted(before.shown)
    scores = policy.explain("what time is it now", CALLER, NAMES)
    assert "held back: failed 5 times in a row" in scores[-1].why
    clock.advance(30.0)
    assert _find(policy).shown == before.shown


def test_the_tools_of_a_server_that_gave_up_go_to_the_end_until_it_starts(tmp_path: Path, clock: FakeClock) -> None:
    policy = _policy(tmp_path, clock, bucket=0.0)
    before = _list(policy).shown
    server = ServerName(before[0].split("__", maxsplit=1)[0])
    policy(StateChanged(clock.wall(), server, "failed", "unhealthy", "gave up"))
    assert _list(policy).shown[-1] == before[0]
    policy(StateChanged(clock.wall(), server, "starting", "healthy", "starting"))
    assert _list(policy).shown == before


def test_a_held_back_tool_is_not_lifted_as_a_newcomer(tmp_path: Path, clock: FakeClock) -> None:
    """A trained policy keeps a place for new tools that fit the query; one that cannot be called does not need it."""
    policy = _policy(tmp_path, clock, bucket=0.0)
    policy.adopt(_snapshot_file(tmp_path))
    assert {"flaky__now", "solid__now"} & set(_find(policy).shown[:2])
    for server in ("flaky", "solid"):
        policy(BreakerMoved(clock.wall(), ServerName(server), None, "open", "no answer", 30.0))
    assert set(_find(policy).shown[-2:]) == {"flaky__now", "solid__now"}
