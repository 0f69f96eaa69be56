"""tools, call, calls, runs, feedback."""

from __future__ import annotations

import json

import pytest

from tests.admin.fakes import FakeVerbs
from tests.cli.lines import Cli, Line, check, json_error

pytestmark = pytest.mark.process

LINES: list[Line] = [
    ("tools --query q --agent a", "tools", {"query": "q", "agent": "a"}),
    ("tools", "tools", {}),
    ("call time__now '{\"a\": 1}' --agent x", "call", {"tool": "time__now", "arguments": {"a": 1}, "agent": "x"}),
    ("call time__now", "call", {"tool": "time__now", "arguments": {}}),
    ("calls --agent a --since 2h --limit 7", "calls", {"agent": "a", "since": "2h", "limit": 7}),
    ("runs", "runs", {"limit": 50}),
    ("feedback c1 0.5 --comment ok", "feedback", {"call_id": "c1", "score": 0.5, "comment": "ok"}),
    ("feedback c1 0", "feedback", {"call_id": "c1", "score": 0.0, "comment": ""}),
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_a_line_asks_the_daemon_for_exactly_what_was_said(cli: Cli, verbs: FakeVerbs, line: Line) -> None:
    check(cli, verbs, line)


def test_a_tool_that_failed_is_exit_status_1_and_its_text_is_on_stderr(cli: Cli, verbs: FakeVerbs) -> None:
    verbs.call_result = {"content": [{"type": "text", "text": "no such city"}, {"type": "image"}], "isError": True}

    assert cli("call", "t") == (1, "", "no such city\n[image; see it with --json]\n")
    status, out, _ = cli("call", "t", "--json")
    assert (status, json.loads(out)) == (1, verbs.call_result)


def test_structured_content_alone_is_shown(cli: Cli, verbs: FakeVerbs) -> None:
    verbs.call_result = {"content": [], "structuredContent": {"a": 1}}

    assert json.loads(cli("call", "t")[1]) == {"a": 1}


def test_no_tools_say_why(cli: Cli, verbs: FakeVerbs) -> None:
    verbs.tool_rows = []

    assert "no server is ready" in cli("tools")[1]


@pytest.mark.parametrize("line", [["call", "t", "{x"], ["call", "t", "[1]"], ["feedback", "c", "2"]])
def test_malformed_values_never_reach_the_daemon(cli: Cli, verbs: FakeVerbs, line: list[str]) -> None:
    json_error(cli(*line, "--json"), 2, "usage")

    assert verbs.asked == []
