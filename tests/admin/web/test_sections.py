"""The parts of the page, from the verbs' values."""

from __future__ import annotations

from gateway.admin.web import sections
from tests.admin.rows import HOSTILE, server_row, troubled_row


def test_a_server_shows_why_what_comes_next_and_how_it_ended_last() -> None:
    last = {"code": None, "signal": "SIGKILL", "reason": "out of memory", "at": "2026-01-02T03:04:05.000Z"}
    row = server_row(
        "git", state="backoff", reason="crashed", next_retry_s=8.0, last_exit=last, pid=None, rss_bytes=None
    )

    made = sections.servers_table({"servers": [row]})

    for said in ("crashed; next try in 8.0 s", "SIGKILL, out of memory, 2026-01-02 03:04:05", "badge bad"):
        assert said in made


def test_what_is_read_second_stands_small_below_what_is_read_first() -> None:
    made = sections.servers_table({"servers": [troubled_row("git"), {}]})

    assert made.count('<th scope="col">') == 9
    for small in ("up 1 min", "2 oom, 1 hang", "of 512 MiB", "no network"):
        assert f">{small}</small>" in made
    assert ">pypi:git==1</small>" in made


def test_quarantined_tools_stand_out() -> None:
    assert "2 quarantined" in sections.servers_table({"servers": [server_row("a", quarantined_tools=2)]})
    assert "quarantined" not in sections.servers_table({"servers": [server_row("a")]})


def test_unknown_values_are_dashes_never_the_word_none() -> None:
    parts = [
        sections.summary({}), sections.servers_table({"servers": [{}]}), sections.tools_table({"tools": [{}]}),
        sections.calls_table({"calls": [{}]}), sections.connect({}, {}),
    ]  # fmt: skip

    assert [part for part in parts if "None" in part] == []


def test_a_call_shows_its_own_names_as_text() -> None:
    made = sections.calls_table({"calls": [{"exposed": HOSTILE, "agent": HOSTILE, "call_id": HOSTILE}]})

    assert "<script>" not in made
    assert made.count("&lt;script&gt;") == 3


def test_trouble_says_what_to_do() -> None:
    assert sections.trouble("It is down.", "Start it.") == '<p class="trouble">It is down. Start it.</p>'


def test_a_request_that_waits_can_be_decided_and_a_decided_one_cannot() -> None:
    row = {"id": "r-1", "at": None, "agent": "ann", "run": "r", "name": "acme/echo", "message": HOSTILE}
    waiting = sections.requests_table({"requests": [{**row, "state": "pending"}]})
    assert 'action="/ui/requests/r-1/approve"' in waiting
    assert 'action="/ui/requests/r-1/deny"' in waiting
    assert "<script>" not in waiting
    assert "<form" not in sections.requests_table({"requests": [{**row, "state": "installed"}]})
    assert "No agent has asked." in sections.requests_table({"requests": []})
