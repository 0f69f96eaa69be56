"""doctor and token."""

from __future__ import annotations

import pytest

from tests.admin.fakes import FakeVerbs
from tests.cli.lines import Cli, Line, check

pytestmark = pytest.mark.process

LINES: list[Line] = [
    ("token show", "token_show", {"which": "token"}),
    ("token show --admin", "token_show", {"which": "admin-token"}),
    ("token rotate --admin", "token_rotate", {"which": "admin-token"}),
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_a_line_asks_the_daemon_for_exactly_what_was_said(cli: Cli, verbs: FakeVerbs, line: Line) -> None:
    check(cli, verbs, line)


def test_a_token_is_printed_bare_for_the_shell(cli: Cli) -> None:
    assert cli("token", "show") == (0, "value-of-token\n", "")


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_doctor_who_finds_something_missing_is_exit_status_1(cli: Cli, more: list[str]) -> None:
    status, out, _ = cli("doctor", *more)

    assert status == 1
    assert "Install Node 20." in out
