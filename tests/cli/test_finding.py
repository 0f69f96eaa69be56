"""search and show."""

from __future__ import annotations

import pytest

from tests.admin.fakes import FakeVerbs
from tests.cli.lines import Cli, Line, check, json_error

LINES: list[Line] = [
    ("search 'a b' --source smithery --limit 3", "search", {"query": "a b", "source": "smithery", "limit": 3}),
    ("show acme/echo", "show", {"name": "acme/echo"}),
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_a_line_asks_the_daemon_for_exactly_what_was_said(cli: Cli, verbs: FakeVerbs, line: Line) -> None:
    check(cli, verbs, line)


def test_a_stale_source_and_an_incompatible_server_say_why(cli: Cli) -> None:
    out = cli("search", "x")[1]

    assert "needs node 22" in out
    assert "smithery is stale, answers of 1 min ago: no answer" in out


def test_text_of_strangers_cannot_drive_the_terminal(cli: Cli) -> None:
    assert "\x1b" not in cli("search", "x")[1]


def test_a_misspelt_name_is_answered_with_the_nearest(cli: Cli) -> None:
    assert "acme/echo" in json_error(cli("show", "acme/ech", "--json"), 1, "not_found")["fix"]
