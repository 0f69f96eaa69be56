"""massgen config."""

from __future__ import annotations

import pytest

from tests.admin.fakes import FakeVerbs
from tests.cli.lines import Cli, Line, check

pytestmark = pytest.mark.process

LINES: list[Line] = [
    ("massgen config --agents 'a, b'", "massgen_block", {"agents": ["a", "b"]}),
    ("massgen config", "massgen_block", {"agents": ["agent_a", "agent_b"]}),
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_a_line_asks_the_daemon_for_exactly_what_was_said(cli: Cli, verbs: FakeVerbs, line: Line) -> None:
    check(cli, verbs, line)


def test_the_block_is_printed_as_it_is(cli: Cli) -> None:
    assert cli("massgen", "config") == (0, "agents: []\n", "")
