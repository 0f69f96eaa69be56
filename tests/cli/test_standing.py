"""One server in full."""

from __future__ import annotations

import click

from gateway.cli.standing import describe_deaths, describe_server, last_lines
from tests.admin.rows import death_row, server_row, troubled_row


def test_one_server_is_told_with_its_ends_and_its_last_words() -> None:
    said = "\n".join(describe_server(troubled_row("git")))
    for part in ("git", "3 (2 oom, 1 hang)", "bwrap, no network", "CAUSE", "SIGKILL", "  | about to allocate"):
        assert part in said


def test_children_of_single_callers_are_told_one_by_one() -> None:
    one = {
        "instance": "alice/7", "state": "ready", "health": "healthy", "pid": 4711, "reason": "", "uptime_s": 5.0,
        "rss_bytes": 20 * 2**20, "tasks": 3, "in_flight": 1, "last_exit": {"cause": "oom"},
    }  # fmt: skip
    said = [
        click.unstyle(line) for line in describe_server(server_row("git", session="per-agent", instances_detail=[one]))
    ]
    head = next(line for line in said if "LAST END" in line)
    line = said[said.index(head) + 1]
    assert [word in line for word in ("alice/7", "ready", "4711", "20 MiB", "oom")] == [True] * 5
    assert not any("LAST END" in line for line in describe_server(server_row("git", instances_detail=[])))


def test_a_server_that_never_ended_has_no_table_of_ends() -> None:
    said = "\n".join(describe_server(server_row("git")))
    assert "CAUSE" not in said
    assert "stderr" not in said


def test_the_death_log_of_one_server_ends_with_its_last_words() -> None:
    rows = {"deaths": [death_row("git"), death_row("git", stderr_tail=["older"])]}
    alone, everybody = "\n".join(describe_deaths(rows, "git")), "\n".join(describe_deaths(rows, None))
    assert "about to allocate" in alone
    assert "older" not in alone
    assert "about to allocate" not in everybody
    assert "1.0.0" in everybody


def test_no_deaths_are_good_news() -> None:
    assert list(describe_deaths({"deaths": []}, None)) == ["No deaths: no server ended that was wanted."]


def test_last_words_cannot_drive_the_terminal() -> None:
    assert list(last_lines(["\x1b[31mred"]))[-1] == "  |  [31mred"
