"""search and show."""

from __future__ import annotations

import pytest

from tests.admin.fakes import FakeVerbs
from tests.cli.lines import Cli, Line, check, json_error

LINES: list[Line] = [
    ("search 'a b' --source smithery --limit 3", "search", {"query": "a b", "source": "smithery", "limit": 3}),
    (
        "search x --offline --verified --local --namespace acme",
        "search",
        {"query": "x", "limit": 10, "verified": True, "remote": False, "namespace": "acme", "offline": True},
    ),
    (
        "search x --filter repoOwner=acme --filter ids=a,b",
        "search",
        {"query": "x", "limit": 10, "filters": "repoOwner=acme&ids=a%2Cb"},
    ),
    ("show acme/echo", "show", {"name": "acme/echo"}),
    ("show echo --installed", "record", {"name": "echo", "format": "json"}),
    ("show echo --installed --format cyclonedx", "record", {"name": "echo", "format": "cyclonedx"}),
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_a_line_asks_the_daemon_for_exactly_what_was_said(cli: Cli, verbs: FakeVerbs, line: Line) -> None:
    check(cli, verbs, line)


def test_a_stale_source_and_an_incompatible_server_say_why(cli: Cli) -> None:
    out = cli("search", "x")[1]

    assert "needs node 22" in out
    assert "smithery is stale, answers of 1 min ago: no answer" in out


def test_text_of_strangers_cannot_drive_the_terminal(cli: Cli) -> None:
    assert "\x1b" not in cli("search", "x")[1]


def test_a_misspelt_name_is_answered_with_the_nearest(cli: Cli) -> None:
    assert "acme/echo" in json_error(cli("show", "acme/ech", "--json"), 1, "not_found")["fix"]


def test_the_record_of_a_server_names_packages_hashes_pins_and_warnings(cli: Cli) -> None:
    out = cli("show", "echo", "--installed")[1]

    for words in (
        "node x.js",
        "x 1.0.0  sha512-x",
        "API_KEY",
        "waived (--allow-fresh)",
        "bbbbbbbbbbbbbbbb… t",
        "node 20",
    ):
        assert words in out
    assert "\x1b" not in out


def test_a_format_is_of_what_is_installed(cli: Cli) -> None:
    assert "--installed" in json_error(cli("show", "echo", "--format", "cyclonedx", "--json"), 2, "usage")["fix"]


def test_releases_and_what_became_of_a_server_are_shown(cli: Cli) -> None:
    out = cli("show", "acme/echo")[1]
    assert "1.11.0, 1.10.0, 1.9.0" in out
    assert "and 2 more" in out
    assert "deprecated since 2026-03-04: use another" in out


def test_what_speaks_against_a_server_is_shown_with_the_fix(cli: Cli) -> None:
    assert "failed: runtime: needs node 22. Fix: Install node 22." in cli("show", "acme/echo")[1]


def test_each_connection_says_whether_it_would_be_used(cli: Cli) -> None:
    out = cli("show", "acme/echo")[1]
    assert "would not: needs node 22" in out
    assert "would be used" in out
    assert "the publisher names another one first" in out
