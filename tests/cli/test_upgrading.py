"""upgrade and rollback."""

from __future__ import annotations

import pytest

from tests.admin.fakes import FakeVerbs
from tests.cli.lines import Cli, Line, check

pytestmark = pytest.mark.process

LINES: list[Line] = [
    ("upgrade --allow-fresh", "upgrade", {"dry_run": False, "allow_fresh": True, "approve": False}),
    ("upgrade echo --dry-run", "upgrade", {"name": "echo", "dry_run": True, "allow_fresh": False, "approve": False}),
    ("upgrade --approve", "upgrade", {"dry_run": False, "allow_fresh": False, "approve": True}),
    ("rollback echo", "rollback", {"name": "echo"}),
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_a_line_asks_the_daemon_for_exactly_what_was_said(cli: Cli, verbs: FakeVerbs, line: Line) -> None:
    check(cli, verbs, line)


def test_what_changes_is_shown_by_names(cli: Cli) -> None:
    lines = cli("upgrade")[1].splitlines()

    assert lines[0] == "echo: 1 -> 2"
    assert [line.strip() for line in lines[1:9]] == [
        "- command node a",
        "+ command node b",
        "+ variable MODE",
        "- secret KEY",
        "+ tool new",
        "- tool old",
        "~ what the server says of itself",
        "~ tool t",
    ]
    assert "… 1 more lines, see them with --json" in [line.strip() for line in lines]
    assert any("1 changed definitions are quarantined" in line for line in lines)
    assert lines[-1] == "same: 1 is the newest allowed"
    assert all(line.isprintable() for line in lines)


def test_one_that_failed_or_was_rolled_back_is_the_exit_status(cli: Cli, verbs: FakeVerbs) -> None:
    assert cli("upgrade")[0] == 0
    verbs.failed.append({"name": "lost", "message": "cannot be fetched", "fix": ""})
    status, out, _ = cli("upgrade")
    assert (status, "lost failed: cannot be fetched" in out) == (1, True)
    verbs.failed.clear()
    verbs.rolled_back.append({"name": "frail", "before": "1", "after": "2", "reason": "it fell over"})
    status, out, _ = cli("upgrade")
    assert (status, "frail: 1 -> 2 was rolled back: it fell over" in out) == (1, True)
