"""The group of all verbs: help, errors, exit statuses."""

from __future__ import annotations

import json

import click
import pytest

from gateway.cli.app import FAMILIES, app, run, wants_json
from tests.admin.fakes import FakeVerbs
from tests.cli.lines import Cli, json_error

pytestmark = pytest.mark.process


def test_every_verb_of_the_help_loads_and_has_help() -> None:
    context = click.Context(app)
    loaded = {name: app.get_command(context, name) for family in FAMILIES.values() for name in family}

    assert [name for name, command in loaded.items() if command is None or not command.get_short_help_str()] == []
    assert app.list_commands(context) == list(loaded)


def test_every_verb_takes_json_but_the_bridge() -> None:
    context = click.Context(app)
    without = []
    todo = [(name, app.get_command(context, name)) for name in app.list_commands(context)]
    for name, command in todo:
        if isinstance(command, click.Group):
            todo += [
                (f"{name} {inner}", command.get_command(context, inner)) for inner in command.list_commands(context)
            ]
        elif command is not None and "as_json" not in {parameter.name for parameter in command.params}:
            without.append(name)

    assert without == ["bridge"]


@pytest.mark.parametrize(
    "arguments",
    [["search"], ["search", "a", "--limit", "0"], ["nonsense"], ["status", "--nonsense"], ["serve", "--port", "99999"]],
)
def test_wrong_usage_is_exit_status_2_with_one_json_error(cli: Cli, verbs: FakeVerbs, arguments: list[str]) -> None:
    json_error(cli(*arguments, "--json"), 2, "usage")

    assert verbs.asked == []


def test_wrong_usage_for_people_names_the_help(cli: Cli) -> None:
    status, out, err = cli("search")

    assert (status, out) == (2, "")
    assert "fix: See: mcp-gateway search --help" in err


def test_what_follows_a_double_dash_is_not_ours() -> None:
    assert wants_json(["status", "--json"])
    assert not wants_json(["massgen", "run", "--", "--json"])


def test_windows_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    status = run(["status"], platform="win32")
    said = capsys.readouterr()

    assert (status, said.out, len(said.err.splitlines())) == (1, "", 1)


def test_json_is_one_line_for_programs(cli: Cli) -> None:
    out = cli("status", "--json")[1]

    assert out.count("\n") == 1
    assert json.loads(out)["ready"] is True
