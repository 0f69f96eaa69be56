"""How one server stands."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.admin.web import standing
from tests.admin.rows import server_row, troubled_row


def test_a_server_in_trouble_says_why_what_comes_next_and_what_else_is_wrong() -> None:
    assert standing.why(troubled_row("git")) == (
        "it took more than its MemoryMax; next try in 4.0 s;"
        " breaker open, calls are held back: 5 calls in a row failed; tried again in 12 s;"
        " held back: log; 2 calls wait; memory 450 MiB of 512 MiB (88 %)"
    )


def test_a_server_without_trouble_has_nothing_to_say() -> None:
    assert standing.why(server_row("git")) == "–"
    assert standing.why(server_row("git", breaker={"state": "closed"}, breakers=[], queued=0)) == "–"


def test_a_limit_holds_for_each_of_callers_own_children() -> None:
    half = 2**20 * 300
    details = [{"rss_bytes": half, "tasks": 2}, {"rss_bytes": half, "tasks": 1}]
    row = server_row(
        "git", rss_bytes=2 * half, tasks=4, open_fds=2000, instances_detail=details,
        limits={"MemoryMax": 512 * 2**20, "TasksMax": 10, "LimitNOFILE": 1024},
    )  # fmt: skip
    assert standing.near_limits(row) == []
    told = dict(standing.particulars(row))
    assert told["memory"].startswith("600 MiB in all; the largest: 300 MiB of 512 MiB")
    assert told["tasks"] == "4 in all; the largest: 2 of 10"
    assert standing.near_limits({**row, "instances_detail": [], "tasks": None, "open_fds": None}) != []


def test_a_resting_server_is_no_trouble() -> None:
    row = server_row("git", state="stopped", reason="nobody used it for 60 s", resting=True)
    assert standing.why(row) == standing.RESTING


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"restarts": 0}, "0"),
        ({"restarts": 3, "restart_causes": {}}, "3"),
        ({"restarts": 3, "restart_causes": {"hang": 1, "oom": 2}}, "3 (2 oom, 1 hang)"),
        ({}, "–"),
    ],
)
def test_restarts_tell_their_causes_the_most_frequent_first(row: dict[str, Any], expected: str) -> None:
    assert standing.restarts(row) == expected


@pytest.mark.parametrize(
    ("used", "expected"),
    [(40, []), (79, []), (80, ["files 80 of 100 (80 %)"]), (100, ["files 100 of 100 (100 %)"]), (None, [])],
)
def test_a_limit_is_spoken_of_when_it_is_near(used: int | None, expected: list[str]) -> None:
    assert standing.near_limits({"open_fds": used, "limits": {"LimitNOFILE": 100, "TasksMax": None}}) == expected


def test_no_limit_is_near_where_none_is_known() -> None:
    assert standing.near_limits({"rss_bytes": 5}) == []
    assert standing.near_limits({"rss_bytes": 5, "limits": None}) == []


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (None, "–"),
        ({"level": "landlock", "network": "host"}, "landlock"),
        ({"level": "bwrap", "network": "none"}, "bwrap, no network"),
        ({"level": None, "network": "host", "why": "bwrap is missing"}, "impossible"),
    ],
)
def test_the_sandbox_is_a_word_or_two(box: dict[str, Any] | None, expected: str) -> None:
    assert standing.sandbox({"sandbox": box}) == expected


def test_everything_that_is_known_is_told_and_nothing_else() -> None:
    told = dict(standing.particulars(troubled_row("git")))
    assert told["memory"] == "450 MiB of 512 MiB, at most 511 MiB so far"
    assert told["limits"] == "MemoryMax 512 MiB, TasksMax 100, LimitNOFILE 64 (by cgroup)"
    assert told["sandbox"] == "bwrap, no network (it was installed from npm)"
    assert told["calls"] == "20 in the last 1 min, 5 failed, half within 10 ms, 95 % within 1.5 s"
    assert told["held back"] == "log: breaker half open, held back: 3 timeouts"
    assert told["started ahead"] == "4 times, 1 for nothing; 2 wait"
    assert told["tools"] == "2, 1 skipped"
    assert "pid" not in told
    assert "–" not in told.values()
    assert "calls" not in dict(standing.particulars(server_row("git", transport="http", calls={"n": 0})))


def test_an_end_is_told_by_signal_or_status_and_by_how_long_it_was_up() -> None:
    ended = {"at": "2026-01-02T03:04:05.000Z", "cause": "exit", "code": 0, "signal": None, "uptime_s": 5.0}
    assert standing.exit_line(ended) == ["2026-01-02 03:04:05", "exit", "status 0", "5.0 s", "–"]
    assert standing.exit_line({"signal": "SIGKILL"})[2] == "SIGKILL"


def test_what_the_sandbox_was_given_and_what_it_was_not_is_told() -> None:
    box = {
        "level": "bwrap",
        "network": "host",
        "why": "",
        "given": ["/srv"],
        "notes": ["'/nonexistent' does not exist"],
    }
    told = dict(standing.particulars(server_row("git", sandbox=box)))
    assert (told["given to it"], told["not as asked"]) == ("/srv", "'/nonexistent' does not exist")
    assert "not as asked" not in dict(standing.particulars(server_row("git")))


def test_what_runs_elsewhere_has_no_sandbox_to_speak_of() -> None:
    assert standing.sandbox(server_row("far", transport="http", sandbox={"level": "none"})) == "–"


def test_one_is_not_many_and_nothing_is_not_told() -> None:
    calls = {"n": 1, "errors": 1, "p50_s": None, "p95_s": None, "window_s": 60.0}
    told = dict(standing.particulars(server_row("git", noise=1, calls=calls, breaker={"state": "closed"})))
    assert told["noise"] == "1 line on its stdout was no message"
    assert told["calls"] == "1 in the last 1 min, 1 failed"
    assert told["breaker"] == "closed"
