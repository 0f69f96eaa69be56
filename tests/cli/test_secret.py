"""secret set, list, rm."""

from __future__ import annotations

import pytest

from tests.admin.fakes import FakeVerbs
from tests.cli.lines import Cli, Line, check, json_error

pytestmark = pytest.mark.process

LINES: list[Line] = [
    ("secret list echo", "secret_list", {"server": "echo"}),
    ("secret list", "secret_list", {}),
    ("secret rm echo K", "secret_remove", {"server": "echo", "key": "K"}),
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_a_line_asks_the_daemon_for_exactly_what_was_said(cli: Cli, verbs: FakeVerbs, line: Line) -> None:
    check(cli, verbs, line)


def test_a_secret_is_set_from_its_variable_and_never_said(
    cli: Cli, verbs: FakeVerbs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MCP_GATEWAY_SECRET_API_KEY", "s3cret")
    status, out, err = cli("secret", "set", "echo", "API_KEY")

    assert status == 0
    assert verbs.asked == [("secret_set", {"server": "echo", "key": "API_KEY", "value": "s3cret"})]
    assert "s3cret" not in out + err


def test_a_secret_without_a_value_names_the_variable(cli: Cli) -> None:
    error = json_error(cli("secret", "set", "echo", "API_KEY", "--json"), 2, "usage")

    assert "MCP_GATEWAY_SECRET_API_KEY" in error["message"]
