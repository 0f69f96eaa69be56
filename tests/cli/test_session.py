"""Who carries a verb out."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from gateway.admin.presence import ComingOrGoing
from gateway.cli.app import run
from gateway.cli.session import Session, verb
from gateway.errors import NotRunning
from tests.admin.test_presence import holding

pytestmark = pytest.mark.process


@pytest.mark.parametrize("line", ["status", "tools", "calls", "runs", "logs x", "start x", "call x", "learn status"])
def test_without_a_daemon_such_a_verb_is_exit_status_3(
    line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MCP_GATEWAY_URL", raising=False)
    status = run([*line.split(), "--state-dir", str(tmp_path), "--json"])
    error = json.loads(capsys.readouterr().out)["error"]

    assert (status, error["code"]) == (3, "not_running")
    assert "mcp-gateway serve" in error["fix"]


def test_a_named_gateway_that_is_away_is_never_replaced_by_this_process(tmp_path: Path) -> None:
    session = Session(tmp_path, False, {"MCP_GATEWAY_URL": "http://127.0.0.1:9"})

    with pytest.raises(NotRunning):
        session.ask("list_servers")


def test_a_gateway_that_starts_is_waited_for_and_not_replaced_by_this_process(tmp_path: Path) -> None:
    with holding(tmp_path, "serve"), pytest.raises(ComingOrGoing):
        Session(tmp_path, False, {}).ask("list_servers")


def test_a_verb_is_handed_its_surroundings_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MCP_GATEWAY_STATE", str(tmp_path))
    seen: list[tuple[Session, str]] = []

    @click.command()
    @click.argument("word")
    @verb
    def command(session: Session, word: str) -> None:
        seen.append((session, word))

    command(["a", "--json"], standalone_mode=False)
    command(["b", "--state-dir", "/else"], standalone_mode=False)

    assert [(s.state, s.as_json, word) for s, word in seen] == [(tmp_path, True, "a"), (Path("/else"), False, "b")]
