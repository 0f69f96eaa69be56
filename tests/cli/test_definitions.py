"""approve and reject."""

from __future__ import annotations

import pytest

from tests.admin.fakes import FakeVerbs
from tests.cli.lines import Cli, Line, check

LINES: list[Line] = [
    ("approve echo", "approve", {"name": "echo", "dry_run": False}),
    ("approve echo --dry-run", "approve", {"name": "echo", "dry_run": True}),
    ("approve echo --tool a --tool @server", "approve", {"name": "echo", "tools": ["a", "@server"], "dry_run": False}),
    ("reject echo", "reject", {"name": "echo"}),
    ("reject echo --tool a", "reject", {"name": "echo", "tools": ["a"]}),
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_a_line_asks_the_daemon_for_exactly_what_was_said(cli: Cli, verbs: FakeVerbs, line: Line) -> None:
    check(cli, verbs, line)


def test_a_change_is_shown_as_a_difference_with_its_warnings(cli: Cli) -> None:
    out = cli("approve", "echo", "--dry-run")[1]

    for words in ("description:", "- old", "+ new", "warning: ", "the server itself (rejected)"):
        assert words in out
    assert "\x1b[31m" not in out


def test_a_rejection_says_what_stays_hidden(cli: Cli) -> None:
    assert "These stay hidden until they change again: t" in cli("reject", "echo")[1]
