"""The parts of one server's page."""

from __future__ import annotations

import pytest

from gateway.admin.web import server_sections as parts
from tests.admin.rows import HOSTILE, death_row, server_row, troubled_row


def test_everything_about_a_server_is_escaped() -> None:
    row = troubled_row(HOSTILE)
    row |= {"reason": HOSTILE, "from": HOSTILE, "breakers": [{"tool": HOSTILE, "state": "open", "reason": HOSTILE}]}
    made = [
        parts.particulars(row), parts.orders(row), parts.ends(row), parts.breakers(row), parts.meters(row),
        parts.stderr(row), parts.deaths({"deaths": [death_row(HOSTILE, reason=HOSTILE, cause=HOSTILE)]}),
    ]  # fmt: skip

    assert [part for part in made if "<script" in part] == []
    assert HOSTILE.partition("(")[0].replace("<", "&lt;").replace(">", "&gt;") in made[0]


def test_the_numbers_of_a_limit_stand_beside_its_bar() -> None:
    made = parts.meters(troubled_row("git"))

    assert 'max="536870912"' in made
    assert "450 MiB of 512 MiB" in made
    assert "7 of 100" in made
    assert "9 of 64" in made
    assert "Nothing of it is counted" in parts.meters(server_row("far"))


@pytest.mark.parametrize(
    ("state", "resting", "expected"),
    [
        ("ready", False, ["stop", "restart"]),
        ("starting", False, ["stop", "restart"]),
        ("failed", False, ["start", "stop", "restart"]),
        ("backoff", False, ["start", "stop", "restart"]),
        ("stopped", False, ["start"]),
        ("stopped", True, ["start", "stop", "restart"]),
    ],
)
def test_only_the_buttons_that_make_sense_are_there(state: str, resting: bool, expected: list[str]) -> None:
    made = parts.orders(server_row("git", state=state, resting=resting))

    assert [order for order in parts.ORDERS if f'action="/ui/servers/git/{order}"' in made] == expected
    assert made.count("<form") == len(expected)


def test_what_is_held_back_says_why_and_until_when() -> None:
    made = parts.breakers(troubled_row("git"))

    for said in ("whole server", "5 calls in a row failed", "12 s", "log", "half open", "3 timeouts"):
        assert said in made
    assert "No breaker" in parts.breakers(server_row("far"))


def test_ends_and_deaths_are_told_apart_and_deaths_bring_their_last_words() -> None:
    assert "SIGKILL" in parts.ends(troubled_row("git"))
    assert "has not ended" in parts.ends(server_row("git"))
    made = parts.deaths({"deaths": [death_row("git"), death_row("git", stderr_tail=[])]})
    assert made.count("<details>") == 1
    assert "about to allocate" in made
    assert "never died" in parts.deaths({"deaths": []})


def test_a_silent_server_has_written_nothing() -> None:
    assert "written nothing" in parts.stderr(server_row("git"))
    assert "about to allocate" in parts.stderr(troubled_row("git"))


def test_a_servers_path_holds_any_name() -> None:
    assert parts.server_path("a/../b?") == "/ui/servers/a%2F..%2Fb%3F"
