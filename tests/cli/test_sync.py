"""sync."""

from __future__ import annotations

import json

import pytest

from gateway.errors import RegistryUnavailable
from tests.admin.fakes import FakeVerbs
from tests.cli.lines import Cli, Line, check

LINES: list[Line] = [
    ("sync", "sync", {"full": False}),
    ("sync --full", "sync", {"full": True}),
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_a_line_asks_the_daemon_for_exactly_what_was_said(cli: Cli, verbs: FakeVerbs, line: Line) -> None:
    check(cli, verbs, line)


def test_what_was_read_is_said_and_progress_goes_to_stderr(cli: Cli) -> None:
    status, out, err = cli("sync", "--full")
    assert (status, out) == (0, "read 100 servers (2 withdrawn) of the official registry in 0.5 s\n")
    assert "sync: 100 servers read" in err
    assert "read 100 changed servers (2 withdrawn) of the official registry since" in cli("sync")[1]


def test_json_is_one_value_and_nothing_else(cli: Cli) -> None:
    status, out, err = cli("sync", "--json")
    assert (status, json.loads(out)["servers"], err) == (0, 100, "")


def test_a_registry_that_is_down_is_one_clear_line(cli: Cli, verbs: FakeVerbs) -> None:
    verbs.errors["sync"] = RegistryUnavailable("The MCP registry is not reachable", fix="Check the network.")
    status, _, err = cli("sync")
    assert status == 1
    assert "The MCP registry is not reachable" in err
    assert "Check the network." in err
