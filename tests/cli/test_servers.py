"""start, stop, restart, status, logs."""

from __future__ import annotations

import json

import pytest

from gateway.cli.servers import _asked_of, _described, _ordered
from tests.admin.fakes import FakeVerbs
from tests.admin.rows import server_row, troubled_row
from tests.cli.lines import Cli, Line, check, json_error

pytestmark = pytest.mark.process

LINES: list[Line] = [
    ("status", "status", {}),
    ("start time", "start", {"name": "time"}),
    ("stop time", "stop", {"name": "time"}),
    ("restart time", "restart", {"name": "time"}),
    ("logs time -n 5", "logs", {"name": "time", "lines": 5}),
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_a_line_asks_the_daemon_for_exactly_what_was_said(cli: Cli, verbs: FakeVerbs, line: Line) -> None:
    check(cli, verbs, line)


def test_the_status_tells_states_reasons_and_the_next_try(cli: Cli) -> None:
    head, titles, *rows = cli("status")[1].splitlines()

    assert "http://127.0.0.1:8808/mcp" in head
    assert titles.split() == [
        "NAME",
        "STATE",
        "HEALTH",
        "TOOLS",
        "PID",
        "UP",
        "RESTARTS",
        "MEMORY",
        "CPU",
        "SANDBOX",
        "WHY",
    ]
    assert "exit 1; next try in 4.0 s" in rows[1]
    assert len({row.index("healthy") for row in rows}) == 1


def test_a_server_in_trouble_is_told_with_causes_breaker_sandbox_and_limits(cli: Cli, verbs: FakeVerbs) -> None:
    verbs.servers = [troubled_row("git"), server_row("time", state="stopped", resting=True)]
    _, _, git, time = cli("status")[1].splitlines()

    for part in ("3 (2 oom, 1 hang)", "bwrap, no network", "breaker open", "2 calls wait", "(88 %)"):
        assert part in git
    assert "resting" in time


def test_one_server_can_be_asked_for_in_full(cli: Cli, verbs: FakeVerbs) -> None:
    verbs.servers.append(troubled_row("hungry"))
    said = cli("status", "hungry")[1]

    for part in ("MemoryMax 512 MiB", "WAS UP", "about to allocate"):
        assert part in said
    assert "time" not in said.splitlines()[0]
    told = json.loads(cli("status", "hungry", "--json")[1])
    assert [row["name"] for row in told["servers"]] == ["hungry"]
    json_error(cli("status", "nobody", "--json"), 1, "not_found")


def test_a_gateway_without_servers_says_what_to_do(cli: Cli, verbs: FakeVerbs) -> None:
    verbs.servers = []

    assert "mcp-gateway search" in cli("status")[1]


def test_quarantined_tools_name_the_verb_that_frees_them(cli: Cli, verbs: FakeVerbs) -> None:
    verbs.servers[0]["quarantined_tools"] = 2

    assert "2 quarantined, see: mcp-gateway approve time" in cli("status")[1]


def test_following_logs_prints_old_and_new_lines(cli: Cli) -> None:
    assert cli("logs", "time", "-f")[1].splitlines() == ["first", "second", "time: third", "time: fourth"]


def test_a_servers_output_cannot_drive_the_terminal(cli: Cli, verbs: FakeVerbs) -> None:
    verbs.log_lines = ["\x1b]0;owned\x07red \x1b[31m"]

    assert cli("logs", "time")[1] == " ]0;owned red  [31m\n"


def test_an_unknown_server_is_exit_status_1(cli: Cli) -> None:
    json_error(cli("logs", "nobody", "--json"), 1, "not_found")


@pytest.mark.parametrize("line", [["status", "--watch"], ["logs", "time", "-f"]])
def test_what_never_ends_cannot_be_one_json_value(cli: Cli, line: list[str]) -> None:
    json_error(cli(*line, "--json"), 2, "usage")


def test_a_server_that_is_being_installed_can_be_asked_for() -> None:
    said = list(
        _described({"servers": [], "pending": [{"name": "time", "state": "installing", "message": "lock"}]}, "time")
    )
    assert said == ["time  installing  lock"]
    assert _asked_of({"servers": [], "pending": [{"name": "time"}, {"name": "git"}]}, "time")["pending"] == [
        {"name": "time"}
    ]


def test_an_order_is_told_without_saying_the_same_twice() -> None:
    told = {"server": "time", "state": "starting", "reason": "starting"}
    assert list(_ordered(told)) == ["time is starting", "How that goes on: mcp-gateway status time"]
    assert list(_ordered({**told, "state": "failed", "reason": "gone"})) == ["time is failed (gone)"]
