"""The policy's verbs."""

from __future__ import annotations

import pytest

from tests.admin.fakes import FakeVerbs
from tests.cli.lines import Cli, Line, check

pytestmark = pytest.mark.process

LINES: list[Line] = [
    ("learn status", "learn_status", {}),
    ("learn train", "learn_train", {}),
    ("learn evaluate", "learn_evaluate", {}),
    ("learn report", "learn_report", {}),
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_a_line_asks_the_daemon_for_exactly_what_was_said(cli: Cli, verbs: FakeVerbs, line: Line) -> None:
    check(cli, verbs, line)


def test_an_evaluation_shows_intervals_and_the_verdict(cli: Cli) -> None:
    out = cli("learn", "evaluate")[1]

    assert "[0.400, 0.600]" in out
    assert "promote: no (too few)" in out
