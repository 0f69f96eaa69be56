"""A verb in this process: against the real parts, in an empty state directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.cli.offline import carry_out
from gateway.daemon.state import AlreadyRunning, StateDirectory, StateLock
from gateway.errors import UsageError


@pytest.fixture(name="state")
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("SMITHERY_BASE_URL", "MCP_REGISTRY_BASE_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "state"


def test_a_verb_answers_from_an_empty_state_directory(state: Path) -> None:
    assert carry_out(state, "list_servers", None, {}) == {"servers": []}


def test_what_one_verb_keeps_the_next_one_finds(state: Path) -> None:
    carry_out(state, "secret_set", None, {"server": "echo", "key": "K", "value": "v"})

    assert carry_out(state, "secret_list", None, {})["secrets"] == [{"server": "echo", "key": "K", "kept": "file"}]


def test_a_verbs_error_comes_out_as_it_is(state: Path) -> None:
    with pytest.raises(UsageError):
        carry_out(state, "install", lambda _: None, {"name": "npm:"})


def test_while_somebody_holds_the_state_directory_nothing_is_done(state: Path) -> None:
    StateDirectory(state).prepare()
    with StateLock(StateDirectory(state)), pytest.raises(AlreadyRunning) as raised:
        carry_out(state, "list_servers", None, {})

    assert raised.value.fix


def test_progress_is_told_as_the_daemon_tells_it(state: Path) -> None:
    told: list[dict[str, Any]] = []
    plan = carry_out(state, "install", told.append, {"name": "starter:time", "dry_run": True})

    assert plan["plan"]
    assert all(set(line) == {"progress"} for line in told)
