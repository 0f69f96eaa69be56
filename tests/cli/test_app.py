"""The command line in this process, against the real API over HTTP: shapes, exit statuses, what people read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.app import FAMILIES, VerbGroup, app, run
from gateway.errors import ConfigError, InstallError, Problem, RefusedByPolicy
from tests.admin.fakes import ADMIN_TOKEN, FakeVerbs, running_admin

pytestmark = pytest.mark.process

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(name="verbs")
def _verbs() -> FakeVerbs:
    return FakeVerbs()


@pytest.fixture(name="cli")
def _cli(
    verbs: FakeVerbs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Run]:
    with running_admin(verbs) as url:
        monkeypatch.setenv("MCP_GATEWAY_URL", url)
        monkeypatch.setenv("MCP_GATEWAY_ADMIN_TOKEN", ADMIN_TOKEN)
        monkeypatch.setenv("MCP_GATEWAY_STATE", str(tmp_path))

        def call(*arguments: str) -> tuple[int, str, str]:
            status = run(arguments)
            said = capsys.readouterr()
            return status, said.out, said.err

        yield call


LINES: dict[str, tuple[list[str], str, dict[str, Any]]] = {
    "search": (["search", "a b", "--source", "smithery", "--limit", "3"], "search",
               {"query": "a b", "source": "smithery", "limit": 3}),
    "show": (["show", "acme/echo"], "show", {"name": "acme/echo"}),
    "install": (
        ["install", "npm:a@1", "--as", "a", "--set", "k=1", "--set", "n:=[1]", "--dry-run"],
        "install",
        {"name": "npm:a@1", "alias": "a", "settings": {"k": "1", "n": [1]}, "secrets": {}, "dry_run": True,
         "allow_fresh": False},
    ),
    "upgrade": (["upgrade", "--allow-fresh"], "upgrade", {"dry_run": False, "allow_fresh": True}),
    "remove": (["remove", "echo"], "remove", {"name": "echo"}),
    "list": (["list"], "list_servers", {}),
    "approve": (["approve", "echo"], "approve", {"name": "echo"}),
    "reject": (["reject", "echo"], "reject", {"name": "echo"}),
    "secret list": (["secret", "list", "echo"], "secret_list", {"server": "echo"}),
    "secret rm": (["secret", "rm", "echo", "K"], "secret_remove", {"server": "echo", "key": "K"}),
    "status": (["status"], "status", {}),
    "start": (["start", "time"], "start", {"name": "time"}),
    "stop": (["stop", "time"], "stop", {"name": "time"}),
    "restart": (["restart", "time"], "restart", {"name": "time"}),
    "logs": (["logs", "time", "-n", "5"], "logs", {"name": "time", "lines": 5}),
    "tools": (["tools", "--query", "q", "--agent", "a"], "tools", {"query": "q", "agent": "a"}),
    "call": (["call", "time__now", '{"a": 1}'], "call", {"tool": "time__now", "arguments": {"a": 1}}),
    "calls": (["calls", "--agent", "a", "--since", "2h", "--limit", "7"], "calls",
              {"agent": "a", "since": "2h", "limit": 7}),
    "runs": (["runs"], "runs", {"limit": 50}),
    "feedback": (["feedback", "c1", "0.5", "--comment", "ok"], "feedback",
                 {"call_id": "c1", "score": 0.5, "comment": "ok"}),
    "learn status": (["learn", "status"], "learn_status", {}),
    "learn train": (["learn", "train"], "learn_train", {}),
    "learn evaluate": (["learn", "evaluate"], "learn_evaluate", {}),
    "learn report": (["learn", "report"], "learn_report", {}),
    "gain": (["gain"], "gain", {}),
    "config show": (["config", "show"], "config_show", {}),
    "config reload": (["config", "reload"], "config_reload", {}),
    "token show": (["token", "show"], "token_show", {"which": "token"}),
    "token rotate": (["token", "rotate", "--admin"], "token_rotate", {"which": "admin-token"}),
    "massgen config": (["massgen", "config", "--agents", "a, b"], "massgen_block", {"agents": ["a", "b"]}),
}  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_a_verb_asks_the_daemon_for_exactly_what_was_said(cli: Run, verbs: FakeVerbs, line: str) -> None:
    arguments, verb, given = LINES[line]
    status, out, err = cli(*arguments)

    assert (status, err.startswith("error")) == (0, False), err
    assert verbs.asked[-1] == (verb, given)
    assert out.strip()


@pytest.mark.parametrize("line", LINES)
def test_with_json_stdout_is_exactly_the_verbs_value(cli: Run, line: str) -> None:
    status, out, err = cli(*LINES[line][0], "--json")

    assert (status, err) == (0, "")
    assert isinstance(json.loads(out), dict)


def test_every_verb_of_the_help_loads_and_has_help() -> None:
    names = [name for family in FAMILIES.values() for name in family]
    group = app
    assert isinstance(group, VerbGroup)
    loaded = {name: group.get_command(None, name) for name in names}  # type: ignore[arg-type]

    assert [name for name, command in loaded.items() if command is None or not command.get_short_help_str()] == []


ERRORS = [
    (RefusedByPolicy("not allowed", fix="allow it"), 4, "refused"),
    (InstallError("npm failed", step="fetch", exit_code=7, tail=["npm ERR! boom"], fix="read it"), 1, "install"),
    (ConfigError([Problem("tools.mode", "is wrong")]), 2, "config"),
]


@pytest.mark.parametrize(("error", "status", "code"), ERRORS)
def test_an_error_has_its_exit_status_and_says_what_to_do(
    cli: Run, verbs: FakeVerbs, error: Exception, status: int, code: str
) -> None:
    verbs.errors["install"] = error
    got, out, err = cli("install", "a")
    as_json = cli("install", "a", "--json")

    assert (got, out) == (status, "")
    assert "error: " in err
    assert "fix: " in err
    assert (as_json[0], json.loads(as_json[1])["error"]["code"], as_json[2]) == (status, code, "")


def test_a_failed_installs_last_lines_are_shown(cli: Run, verbs: FakeVerbs) -> None:
    verbs.errors["install"] = ERRORS[1][0]  # type: ignore[assignment]

    assert "npm ERR! boom" in cli("install", "a")[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ["search"],
        ["search", "a", "--limit", "0"],
        ["nonsense"],
        ["status", "--nonsense"],
        ["feedback", "c", "2"],
        ["call", "t", "{nonsense"],
        ["call", "t", "[1]"],
        ["call", "t", "@/nowhere"],
        ["install", "a", "--set", "novalue"],
        ["install", "a", "--set", "k:={"],
        ["install", "a", "--set", "k=1", "--set", "k=2"],
        ["install", "a", "--secret", "KEY"],
        ["install", "a", "--secret", "KEY=value-on-the-command-line"],
        ["install", "a", "--secret", "KEY=@/nowhere"],
        ["config", "check", "/nowhere/config.toml"],
        ["status", "--watch"],
        ["logs", "time", "-f"],
        ["serve", "--port", "99999"],
    ],
)
def test_wrong_usage_is_exit_status_2_with_one_json_error(cli: Run, verbs: FakeVerbs, arguments: list[str]) -> None:
    status, out, _ = cli(*arguments, "--json")

    error = json.loads(out)["error"]
    assert (status, error["code"]) == (2, "usage")
    assert error["message"]
    assert error["fix"]
    assert verbs.asked == []


def test_a_secret_never_comes_back_out(
    cli: Run, verbs: FakeVerbs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MCP_GATEWAY_SECRET_API_KEY", "s3cret")
    file = tmp_path / "key"
    file.write_text("from-file\n")
    status, out, err = cli("install", "a", "--secret", "API_KEY", "--secret", f"OTHER=@{file}")

    assert status == 0
    assert verbs.asked[-1][1]["secrets"] == {"API_KEY": "s3cret", "OTHER": "from-file"}
    assert "s3cret" not in out + err


def test_a_tool_that_failed_is_exit_status_1_and_its_text_is_on_stderr(cli: Run, verbs: FakeVerbs) -> None:
    verbs.call_result = {"content": [{"type": "text", "text": "no such city"}, {"type": "image"}], "isError": True}

    assert cli("call", "t") == (1, "", "no such city\n[image; see it with --json]\n")
    status, out, _ = cli("call", "t", "--json")
    assert (status, json.loads(out)) == (1, verbs.call_result)


def test_progress_goes_to_stderr_line_by_line(cli: Run) -> None:
    status, out, err = cli("install", "npm:a@1")

    assert (status, err) == (0, "fetch: npm:a@1\n")
    assert out.startswith("installed echo 1 from npm:a@1")


def test_following_logs_prints_old_and_new_lines(cli: Run) -> None:
    assert cli("logs", "time", "-f")[1].splitlines() == ["first", "second", "time: third", "time: fourth"]


def test_text_of_strangers_cannot_drive_the_terminal(cli: Run, verbs: FakeVerbs) -> None:
    verbs.log_lines = ["\x1b]0;owned\x07red \x1b[31m"]
    out = cli("search", "x")[1] + cli("logs", "time")[1]

    assert "\x1b" not in out
    assert "owned" in out


def test_the_status_tells_states_reasons_and_the_next_try(cli: Run) -> None:
    out = cli("status")[1]

    head, titles, *rows = out.splitlines()
    assert "http://127.0.0.1:8808/mcp" in head
    assert titles.split() == ["NAME", "STATE", "HEALTH", "TOOLS", "PID", "UP", "RESTARTS", "MEMORY", "CPU", "WHY"]
    assert "exit 1; next try in 4.0 s" in rows[1]
    assert len({row.index("healthy") for row in rows}) == 1


def test_a_stale_source_and_an_incompatible_server_say_why(cli: Run) -> None:
    out = cli("search", "x")[1]

    assert "needs node 22" in out
    assert "smithery is stale, answers of 1 min ago: no answer" in out


def test_a_doctor_who_finds_something_missing_is_exit_status_1(cli: Run) -> None:
    status, out, _ = cli("doctor")

    assert status == 1
    assert "Install Node 20." in out


@pytest.mark.parametrize("verb", ["status", "tools", "calls", "runs", "logs x", "start x", "call x", "learn status"])
def test_without_a_daemon_such_a_verb_is_exit_status_3(
    verb: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MCP_GATEWAY_URL", raising=False)
    status = run([*verb.split(), "--state-dir", str(tmp_path), "--json"])
    error = json.loads(capsys.readouterr().out)["error"]

    assert (status, error["code"]) == (3, "not_running")
    assert "mcp-gateway serve" in error["fix"]


def test_a_named_gateway_that_is_away_is_never_replaced_by_this_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MCP_GATEWAY_URL", "http://127.0.0.1:9")

    assert run(["list", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "not_running"


def test_windows_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    status = run(["status"], platform="win32")
    said = capsys.readouterr()

    assert (status, said.out, len(said.err.splitlines())) == (1, "", 1)


def test_a_configuration_file_is_made_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "config.toml"
    first, again, forced = (run(["config", "init", str(file), *more]) for more in ([], [], ["--force"]))

    assert (first, again, forced) == (0, 2, 0)
    assert "exists already" in capsys.readouterr().err
    assert "[gateway]" in file.read_text()
