"""deaths."""

from __future__ import annotations

import pytest

from tests.admin.fakes import FakeVerbs
from tests.cli.lines import Cli, Line, check

pytestmark = pytest.mark.process

LINES: list[Line] = [
    ("deaths", "deaths", {"limit": 50}),
    ("deaths git --limit 2", "deaths", {"name": "git", "limit": 2}),
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_a_line_asks_for_exactly_what_was_said(cli: Cli, verbs: FakeVerbs, line: Line) -> None:
    check(cli, verbs, line)


def test_the_log_tells_when_who_why_and_after_how_long(cli: Cli) -> None:
    titles, row = cli("deaths")[1].splitlines()
    assert titles.split("  ")[0] == "TIME (UTC)"
    for part in ("2026-01-02 03:04:05", "git", "oom", "SIGKILL", "1 min", "it took more than its MemoryMax"):
        assert part in row
