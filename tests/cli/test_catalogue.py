"""search, show, install, upgrade, remove, list, approve, reject."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.cli.catalogue import absolute_bundle
from gateway.errors import ConfigError, InstallError, Problem, RefusedByPolicy
from tests.admin.fakes import FakeVerbs
from tests.cli.lines import Cli, Line, check, json_error

pytestmark = pytest.mark.process

PLAIN = {"settings": {}, "secrets": {}, "dry_run": False, "allow_fresh": False}

LINES: list[Line] = [
    ("install npm:a@1 --as a", "install", {**PLAIN, "name": "npm:a@1", "alias": "a"}),
    (
        "install a --set k=1 --set 'n:=[1]' --dry-run --allow-fresh",
        "install",
        {**PLAIN, "name": "a", "settings": {"k": "1", "n": [1]}, "dry_run": True, "allow_fresh": True},
    ),
    ("upgrade --allow-fresh", "upgrade", {"dry_run": False, "allow_fresh": True}),
    ("upgrade echo --dry-run", "upgrade", {"name": "echo", "dry_run": True, "allow_fresh": False}),
    ("remove echo", "remove", {"name": "echo"}),
    ("list", "list_servers", {}),
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_a_line_asks_the_daemon_for_exactly_what_was_said(cli: Cli, verbs: FakeVerbs, line: Line) -> None:
    check(cli, verbs, line)


ERRORS = [
    (RefusedByPolicy("not allowed", fix="allow it"), 4, "refused"),
    (InstallError("npm failed", step="fetch", exit_code=7, tail=["npm ERR! boom"], fix="read it"), 1, "install"),
    (ConfigError([Problem("tools.mode", "is wrong")]), 2, "config"),
]


@pytest.mark.parametrize(("error", "status", "code"), ERRORS, ids=lambda value: getattr(value, "code", ""))
def test_an_error_has_its_exit_status_and_says_what_to_do(
    cli: Cli, verbs: FakeVerbs, error: Exception, status: int, code: str
) -> None:
    verbs.errors["install"] = error
    got, out, err = cli("install", "a")

    assert (got, out) == (status, "")
    assert "error: " in err
    assert "fix: " in err
    json_error(cli("install", "a", "--json"), status, code)


def test_a_failed_installs_last_lines_are_shown(cli: Cli, verbs: FakeVerbs) -> None:
    verbs.errors["install"] = InstallError("npm failed", step="fetch", tail=["npm ERR! boom"])

    assert "npm ERR! boom" in cli("install", "a")[2]


def test_secrets_of_an_install_never_come_back_out(cli: Cli, verbs: FakeVerbs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCP_GATEWAY_SECRET_API_KEY", "s3cret")
    status, out, err = cli("install", "a", "--secret", "API_KEY")

    assert (status, verbs.asked[-1][1]["secrets"]) == (0, {"API_KEY": "s3cret"})
    assert "s3cret" not in out + err


def test_progress_goes_to_stderr_and_the_result_to_stdout(cli: Cli) -> None:
    status, out, err = cli("install", "npm:a@1")

    assert (status, err) == (0, "fetch: npm:a@1\n")
    assert out.startswith("installed echo 1 from npm:a@1")


def test_a_bundle_is_named_from_the_root_because_the_daemon_works_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute_bundle("mcpb:./a.mcpb#sha256=00") == f"mcpb:{tmp_path}/a.mcpb#sha256=00"
    for other in ("mcpb:https://a.example/b.mcpb", "npm:a@1.0.0", "acme/echo", "mcpb:"):
        assert absolute_bundle(other) == other
