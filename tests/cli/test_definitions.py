"""approve and reject."""

from __future__ import annotations

import pytest

from tests.admin.fakes import FakeVerbs
from tests.cli.lines import Cli, Line, check

LINES: list[Line] = [
    ("approve echo", "approve", {"name": "echo", "dry_run": False}),
    ("approve echo --dry-run", "approve", {"name": "echo", "dry_run": True}),
    ("reject echo", "reject", {"name": "echo"}),
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_a_line_asks_the_daemon_for_exactly_what_was_said(cli: Cli, verbs: FakeVerbs, line: Line) -> None:
    check(cli, verbs, line)
