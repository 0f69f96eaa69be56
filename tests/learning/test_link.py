"""The daemon's end of the learner: in-process with a scripted learner, and once with everything real."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import psutil
import pytest

from gateway.clock import SystemClock
from gateway.config.learning import LearningSection
from gateway.errors import ChildGone, GatewayError, SpawnFailed
from gateway.facts import CallFinished, DecisionMade
from gateway.learning.learner import Learner, open_torch_course
from gateway.learning.link import BACKOFF_S, INSTALLING_RETRY_S, LearnerLink, TorchMissing, learner_environment
from gateway.learning.live import LivePolicy
from gateway.learning.ports import LineProcess
from gateway.model import Caller, ChooseRequest, Decision, DecisionKind
from gateway.store.database import Database
from gateway.store.ledger import Ledger
from gateway.supervisor.process import spawn_lines
from tests.fakes import FakeClock
from tests.learning.rows import CARDS, NAMES, WISHES, Rows, lived_rows
from tests.learning.test_live import _call


class InProcessLearner:
    """A `LineProcess` whose other end is a real `Learner` in this process; may be told to die or to hold its tongue."""

    def __init__(self, learner: Learner, *, dies_at: str = "", silent_at: str = "") -> None:
        self.pid = os.getpid()
        self.stopped = False
        self.heard: list[str] = []
        self._learner = learner
        self._dies_at = dies_at
        self._silent_at = silent_at
        self._lines: asyncio.Queue[bytes] = asyncio.Queue()

    async def send(self, line: bytes) -> None:
        """Answer at once, behind a line of noise."""
        method = json.loads(line)["method"]
        self.heard.append(method)
        if method == self._dies_at:
            raise ChildGone("learner", reason="it was told to die")
        if method == self._silent_at:
            return
        self._lines.put_nowait(b"some library says hello")
        self._lines.put_nowait(json.dumps(self._learner.answer(line)).encode())

    async def receive(self) -> bytes:
        """The next line."""
        return await self._lines.get()

    async def stop(self) -> None:
        """Be dead."""
        self.stopped = True


class Spawner:
    """A `Spawn` that hands out scripted learners and remembers them."""

    def __init__(self, directory: Path, rows: Rows, *, torch: bool = True, **script: str) -> None:
        self.started: list[InProcessLearner] = []
        self.asked: list[tuple[Sequence[str], Mapping[str, str]]] = []
        self.torch = torch
        self.script = script
        self._directory = directory
        self._rows = rows

    async def __call__(self, argv: Sequence[str], env: Mapping[str, str]) -> LineProcess:
        """Start one."""
        self.asked.append((argv, env))
        learner = Learner(lambda: self._rows, self._directory, open_torch_course, can_train=lambda: self.torch)
        self.started.append(InProcessLearner(learner, **self.script))
        return self.started[-1]


CONFIG = replace(LearningSection(), batch=32, steps=2, every=4, bucket=0.0, idle_exit_s=50.0)


def _pair(
    directory: Path, clock: FakeClock, spawn: Any, config: LearningSection = CONFIG
) -> tuple[LivePolicy, LearnerLink]:
    policy = LivePolicy(config=config, directory=directory, clock=clock, rng=random.Random(1))
    policy.set_tools("v", CARDS)
    link = LearnerLink(
        policy=policy,
        spawn=spawn,
        store_url="sqlite:////tmp/x.db",
        directory=directory,
        config=config,
        clock=clock,
        environ={"PATH": "/bin", "MCP_GATEWAY_TOKEN": "secret"},
        tick_s=0.001,
    )
    return policy, link


def _busy(policy: LivePolicy, calls: int = 4) -> None:
    for _ in range(calls):
        _call(policy, "post__send", "ok")


async def _until(question: Any) -> None:
    with anyio.fail_after(20):
        while not question():
            await anyio.lowlevel.checkpoint()
            await anyio.sleep(0)


async def test_training_adopts_the_learners_snapshot(tmp_path: Path, clock: FakeClock) -> None:
    spawn = Spawner(tmp_path, Rows(lived_rows(100)))
    policy, link = _pair(tmp_path, clock, spawn)
    _busy(policy)
    answer = await link.train()
    assert answer["consumed"] == 100
    assert (policy.pending, policy.version) == (0, "1.25")
    assert spawn.started[0].heard == ["hello", "set_tools", "train"]
    assert link.status()["state"] == "ready"
    assert link.status()["rss_bytes"] > 0


async def test_tools_are_passed_on_again_only_when_they_changed(tmp_path: Path, clock: FakeClock) -> None:
    spawn = Spawner(tmp_path, Rows(lived_rows(10)))
    policy, link = _pair(tmp_path, clock, spawn)
    await link.train()
    await link.evaluate()
    policy.set_tools("v2", CARDS[:2])
    await link.evaluate()
    assert spawn.started[0].heard == ["hello", "set_tools", "train", "evaluate", "set_tools", "evaluate"]


async def test_it_starts_by_itself_when_there_is_something_to_learn(tmp_path: Path, clock: FakeClock) -> None:
    spawn = Spawner(tmp_path, Rows(lived_rows(50)))
    policy, link = _pair(tmp_path, clock, spawn)
    async with anyio.create_task_group() as tasks:
        await tasks.start(link.run)
        _busy(policy, 3)
        await anyio.sleep(0.02)
        assert spawn.started == []
        _busy(policy, 1)
        await _until(lambda: policy.version != "1.0")
        tasks.cancel_scope.cancel()
    assert spawn.started[0].stopped
    assert spawn.started[0].heard[-1] == "shutdown"
    assert (tmp_path / "checkpoint.safetensors").exists()
    assert json.loads((tmp_path / "live.json").read_bytes())["experiences"] == 4


@pytest.mark.parametrize("config", [replace(CONFIG, mode="off"), CONFIG])
async def test_off_or_frozen_never_trains(config: LearningSection, tmp_path: Path, clock: FakeClock) -> None:
    spawn = Spawner(tmp_path, Rows(lived_rows(50)))
    policy, link = _pair(tmp_path, clock, spawn, config)
    policy.freeze()
    async with anyio.create_task_group() as tasks:
        await tasks.start(link.run)
        _busy(policy, 40)
        await _until((tmp_path / "live.json").exists)
        await anyio.sleep(0.02)
        tasks.cancel_scope.cancel()
    assert spawn.started == []


async def test_an_idle_learner_is_let_go(tmp_path: Path, clock: FakeClock) -> None:
    spawn = Spawner(tmp_path, Rows(lived_rows(50)))
    _, link = _pair(tmp_path, clock, spawn)
    await link.train()
    clock.advance(51.0)
    async with anyio.create_task_group() as tasks:
        await tasks.start(link.run)
        await _until(lambda: spawn.started[0].stopped)
        tasks.cancel_scope.cancel()
    assert spawn.started[0].heard[-1] == "shutdown"
    assert link.status() == {"state": "idle", "pid": None, "rss_bytes": None}


async def test_a_learner_that_dies_is_tried_again_after_a_back_off(tmp_path: Path, clock: FakeClock) -> None:
    spawn = Spawner(tmp_path, Rows(lived_rows(50)), dies_at="train")
    policy, link = _pair(tmp_path, clock, spawn)
    _busy(policy)
    async with anyio.create_task_group() as tasks:
        await tasks.start(link.run)
        await _until(lambda: link.status()["state"] == "backoff")
        await anyio.sleep(0.02)
        assert len(spawn.started) == 1
        spawn.script = {}
        clock.advance(BACKOFF_S)
        await _until(lambda: policy.version != "1.0")
        tasks.cancel_scope.cancel()
    assert len(spawn.started) == 2


async def test_torch_on_its_way_is_waited_for(tmp_path: Path, clock: FakeClock) -> None:
    spawn = Spawner(tmp_path, Rows(lived_rows(50)), torch=False)
    policy, link = _pair(tmp_path, clock, spawn)
    with pytest.raises(TorchMissing):
        await link.train()
    assert link.status()["state"] == "installing"
    assert spawn.started[0].stopped
    _busy(policy)
    async with anyio.create_task_group() as tasks:
        await tasks.start(link.run)
        await anyio.sleep(0.02)
        assert len(spawn.started) == 1
        spawn.torch = True
        clock.advance(INSTALLING_RETRY_S)
        await _until(lambda: policy.version != "1.0")
        tasks.cancel_scope.cancel()


async def test_a_learner_that_hangs_is_stopped(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.learning.link.REQUEST_TIMEOUT_S", 0.05)
    spawn = Spawner(tmp_path, Rows(lived_rows(50)), silent_at="train")
    _, link = _pair(tmp_path, clock, spawn)
    with pytest.raises(GatewayError, match="did not answer"):
        await link.train()
    assert spawn.started[0].stopped


async def test_a_cancelled_question_leaves_no_stray_answer(tmp_path: Path, clock: FakeClock) -> None:
    spawn = Spawner(tmp_path, Rows(lived_rows(50)), silent_at="train")
    _, link = _pair(tmp_path, clock, spawn)
    with anyio.move_on_after(0.05):
        await link.train()
    assert spawn.started[0].stopped
    spawn.script = {}
    assert (await link.train())["consumed"] == 50


async def test_a_learner_that_cannot_start_is_an_error_for_the_asker_only(tmp_path: Path, clock: FakeClock) -> None:
    async def no_spawn(_argv: Sequence[str], _env: Mapping[str, str]) -> LineProcess:
        raise SpawnFailed("learner", "no python here")

    _, link = _pair(tmp_path, clock, no_spawn)
    with pytest.raises(SpawnFailed):
        await link.train()
    assert link.status()["state"] == "backoff"


async def test_a_reset_forgets_on_disk_too(tmp_path: Path, clock: FakeClock) -> None:
    spawn = Spawner(tmp_path, Rows(lived_rows(600)))
    policy, link = _pair(tmp_path, clock, spawn)
    await link.train()
    assert (tmp_path / "checkpoint.safetensors").exists()
    await link.reset()
    assert policy.version == "1.0"
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["live.json"]


async def test_the_learner_sees_no_secret(tmp_path: Path, clock: FakeClock) -> None:
    spawn = Spawner(tmp_path, Rows([]))
    _, link = _pair(tmp_path, clock, spawn)
    await link.evaluate()
    argv, env = spawn.asked[0]
    assert "gateway.learning.learner" in argv
    assert "secret" not in json.dumps(dict(env))
    assert learner_environment({"HF_TOKEN": "x", "CUDA_VISIBLE_DEVICES": "0"})["CUDA_VISIBLE_DEVICES"] == "0"


async def _live_into(store: Database, policy: LivePolicy, calls: int) -> None:
    """Agents search, get a decision, call the right tool; all of it goes into the ledger."""
    ledger, rng = Ledger(store), random.Random(2)
    facts: list[CallFinished | DecisionMade] = []
    for number in range(calls):
        wanted = rng.choice(NAMES)
        caller = Caller("p", agent="a", run="r")
        request = ChooseRequest(DecisionKind.FIND, caller, 1, rng.choice(WISHES[wanted]), 4, NAMES)
        decision: Decision = policy.decide(request)
        fact = CallFinished(
            call_id=f"c{number}",
            at=SystemClock().wall(),
            principal="p",
            agent="a",
            run="r",
            round=1,
            session="s",
            profile="",
            server=wanted.split("__")[0],
            tool=wanted.split("__")[1],
            exposed=wanted,
            via="direct",
            decision_id=decision.id,
            outcome="ok",
            error_code=None,
            latency_s=0.1,
            bytes_in=1,
            bytes_out=99,
            args_hmac="x",
        )
        facts += [DecisionMade(decision), fact]
        policy(fact)
    await ledger.append(facts, keep_queries_days=30.0)


@pytest.mark.process
@pytest.mark.timeout(180)
async def test_a_real_learner_learns_from_a_real_store_and_is_adopted(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    clock, config = SystemClock(), replace(CONFIG, every=8, steps=6)
    policy = LivePolicy(config=config, directory=tmp_path, clock=clock, rng=random.Random(1))
    policy.set_tools("v", CARDS)
    store = await Database.open(url)
    try:
        await _live_into(store, policy, 120)
        link = LearnerLink(
            policy=policy, spawn=spawn_lines, store_url=url, directory=tmp_path, config=config, clock=clock
        )
        async with anyio.create_task_group() as tasks:
            await tasks.start(link.run)
            with anyio.fail_after(150):
                while policy.version == "1.0":
                    await anyio.sleep(0.05)
            pid = link.status()["pid"]
            assert "gateway.learning.learner" in psutil.Process(pid).cmdline()
            psutil.Process(pid).kill()
            with anyio.fail_after(60):
                while link.status()["pid"] is not None:
                    await anyio.sleep(0.05)
                assert (await link.evaluate())["estimates"] is not None
            killed, pid = pid, link.status()["pid"]
            assert pid not in {None, killed}
            tasks.cancel_scope.cancel()
        assert not psutil.pid_exists(pid)
    finally:
        await store.close()
    for wanted, wishes in WISHES.items():
        found = policy.decide(ChooseRequest(DecisionKind.FIND, Caller("p"), 1, wishes[0], 4, NAMES))
        assert found.shown[0] == wanted
