"""requests list, approve, deny."""

from __future__ import annotations

import pytest

from tests.admin.fakes import FakeVerbs
from tests.cli.lines import Cli, Line, check

LINES: list[Line] = [
    ("requests", "requests", {}),
    ("requests list", "requests", {}),
    ("requests list --state denied", "requests", {"state": "denied"}),
    ("requests approve r-1", "request_decide", {"request": "r-1", "approve": True}),
    ("requests deny r-1", "request_decide", {"request": "r-1", "approve": False}),
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_a_line_asks_the_daemon_for_exactly_what_was_said(cli: Cli, verbs: FakeVerbs, line: Line) -> None:
    check(cli, verbs, line)


def test_what_waits_is_shown_with_who_asked_and_what_it_means(cli: Cli) -> None:
    out = cli("requests", "list")[1]
    assert all(word in out for word in ("r-1", "pending", "ann", "acme/echo"))
    assert "\x1b" not in out


def test_nothing_asked_is_said_in_words(cli: Cli, verbs: FakeVerbs) -> None:
    verbs.request_rows.clear()
    assert cli("requests", "list")[1] == "No agent has asked for a server.\n"


def test_the_verb_alone_lists(cli: Cli, verbs: FakeVerbs) -> None:
    check(cli, verbs, ("requests", "requests", {}))
