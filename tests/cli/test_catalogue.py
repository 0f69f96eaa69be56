"""install, remove, list."""

from __future__ import annotations

import json
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
    ("install a b --allow-fresh", "install_many", {"names": ["a", "b"], "dry_run": False, "allow_fresh": True}),
    ("remove echo", "remove", {"name": "echo", "data": False}),
    ("remove echo --data", "remove", {"name": "echo", "data": True}),
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


def test_of_several_servers_each_has_its_result_and_one_that_failed_is_the_exit_status(cli: Cli) -> None:
    status, out, err = cli("install", "a", "bad", "c")

    assert status == 1
    assert [line.split(" from")[0] for line in out.splitlines()] == [
        "installed a 1",
        "failed bad: no bad",
        "  fix: look",
        "installed c 1",
    ]
    assert err.splitlines() == [f"{name}: fetch: downloading" for name in ("a", "bad", "c")]
    status, out, _ = cli("install", "a", "bad", "--json")
    assert status == 1
    assert [row["ok"] for row in json.loads(out)["results"]] == [True, False]


@pytest.mark.parametrize("option", [("--as", "x"), ("--set", "k=v"), ("--via", "connect")])
def test_what_is_about_one_server_is_refused_for_several(cli: Cli, verbs: FakeVerbs, option: tuple[str, str]) -> None:
    status, _, err = cli("install", "a", "b", *option)

    assert (status, verbs.asked) == (2, [])
    assert "several are named" in err


def test_removing_says_what_was_freed_and_what_is_kept(cli: Cli) -> None:
    assert cli("remove", "echo")[1].splitlines() == [
        "removed echo, 2.0 KiB freed",
        "its data is kept: /state/data/echo",
    ]
    assert cli("remove", "echo", "--data")[1].splitlines() == ["removed echo, 2.0 KiB freed"]
