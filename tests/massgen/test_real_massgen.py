"""The real MassGen against the real daemon. What counts is our ledger: without any tools MassGen ends with 0 too."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import Gateway, running_gateway, wait_until
from tests.massgen.awkward_server import NAMES
from tests.massgen.running import configuration, run_massgen, validate
from tests.massgen.scripted_llm import Asked, ToolCall, scripted_model

pytestmark = [
    pytest.mark.massgen,
    pytest.mark.process,
    pytest.mark.network,
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("massgen"),
]

AWKWARD = {"command": sys.executable, "args": [str(Path(__file__).with_name("awkward_server.py"))]}
MODELS = {"agent_a": "model-a", "agent_b": "model-b"}


def printed_block(gateway: Gateway) -> str:
    done = gateway.run_cli("massgen", "config", "--agents", ",".join(MODELS))
    assert done.returncode == 0, done.stderr
    return done.stdout


def say(server: str, text: str) -> ToolCall:
    return ToolCall(f"{server}__say", {"text": text})


def calls_of(gateway: Gateway, agent: str) -> list[dict[str, Any]]:
    """This agent's ledger rows, oldest first."""
    return list(reversed(gateway.cli("calls", "--agent", agent)["calls"]))


def outcome(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["server"], row["tool"], row["outcome"]


def test_two_agents_call_tools_vote_and_one_wins(tmp_path: Path) -> None:
    scripts = {
        "model-a": [say("one", "from a")],
        "model-b": [say("two", "from b"), ToolCall("two__fail", {}), say("one", "b again")],
    }
    with running_gateway(tmp_path, servers={"one": AWKWARD, "two": AWKWARD}) as gateway:
        gateway.wait_ready("one", "two")
        with scripted_model(scripts) as model:
            config = configuration(printed_block(gateway), MODELS, model.url)
            run = run_massgen(tmp_path, config, token=gateway.token)
        status = run.status()
        a, b = calls_of(gateway, "agent_a"), calls_of(gateway, "agent_b")
    assert status["is_complete"]
    winner = status["results"]["winner"]
    assert winner in MODELS
    assert {agent for agent, said in status["agents"].items() if said["vote_cast"]} == set(MODELS)
    winners = a if winner == "agent_a" else b
    assert [outcome(row) for row in a[:1]] == [("one", "say", "ok")]
    assert [outcome(row) for row in b[:3]] == [
        ("two", "say", "ok"),
        ("two", "fail", "tool_error"),
        ("one", "say", "ok"),
    ]
    assert winners[-1]["round"] > winners[0]["round"], "the presentation is a round of its own"
    assert {row["run"] for row in (*a, *b)} == {a[0]["run"]}
    assert a[0]["run"].startswith("default-")
    assert "say: from a" in model.of("model-a")[1].results


def test_massgen_accepts_the_printed_block_as_it_is(tmp_path: Path) -> None:
    with running_gateway(tmp_path, servers={"one": AWKWARD}) as gateway:
        verdict = validate(tmp_path, printed_block(gateway))
    assert (verdict["valid"], verdict["errors"], verdict["warnings"]) == (True, [], [])


def test_old_sessions_go_on_after_the_gateway_was_killed(tmp_path: Path) -> None:
    scripts = {"model-a": [say("one", "before"), say("one", "after")], "model-b": [say("one", "b")]}
    with running_gateway(tmp_path, servers={"one": AWKWARD}) as gateway:
        gateway.wait_ready("one")
        interruption = Interruption(gateway)
        with scripted_model(scripts, before_reply=interruption) as model:
            config = configuration(printed_block(gateway), MODELS, model.url)
            run_massgen(tmp_path, config, token=gateway.token)
        a, b = calls_of(gateway, "agent_a"), calls_of(gateway, "agent_b")
    assert interruption.is_over.is_set()
    assert model.of("model-a")[2].results == ["say: before", "say: after"]
    assert [row["outcome"] for row in a[:2]] == ["ok", "ok"]
    assert [row["outcome"] for row in b[:1]] == ["ok"]
    assert len({row["session"] for row in a[:2]}) == 1
    assert len({row["round"] for row in a[:2]}) == 1


class Interruption:
    """Kills and restarts the gateway once, while both agents hold an open session and no call is in flight.

    Agent b is held back until agent a has called again, so that no answer of b's interrupts a's round.
    """

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.b_is_waiting = threading.Event()
        self.is_over = threading.Event()

    def __call__(self, asked: Asked) -> None:
        if self.is_over.is_set():
            return
        if asked.model == "model-b":
            self.b_is_waiting.set()
            assert self.is_over.wait(120)
        elif asked.calls_made == 1:
            assert self.b_is_waiting.wait(120)
            wait_until(lambda: calls_of(self.gateway, "agent_a"), within=10, what="the first call is in the ledger")
            self._kill_and_restart()
        elif asked.calls_made:
            self.is_over.set()

    def _kill_and_restart(self) -> None:
        assert self.gateway.process is not None
        os.kill(self.gateway.pid(), signal.SIGKILL)
        self.gateway.process.wait(timeout=10)
        self.gateway.start()
        self.gateway.wait_ready("one")


def test_a_tool_with_a_reserved_name_does_not_take_the_others_away(tmp_path: Path) -> None:
    scripts = {"model-a": [ToolCall("say", {"text": "still here"})], "model-b": [ToolCall("say", {"text": "me too"})]}
    with running_gateway(tmp_path, servers={"one": AWKWARD}, arguments=("--no-prefix-servers",)) as gateway:
        gateway.wait_ready("one")
        with scripted_model(scripts) as model:
            config = configuration(printed_block(gateway), MODELS, model.url)
            run_massgen(tmp_path, config, token=gateway.token)
        a, b = calls_of(gateway, "agent_a"), calls_of(gateway, "agent_b")
    offered = model.of("model-a")[0].gateway_tools
    assert len(offered) == len(NAMES)
    assert "status" not in offered
    assert (a[0]["outcome"], b[0]["outcome"]) == ("ok", "ok")
