"""Numbers as people read them."""

from __future__ import annotations

import pytest

from gateway.admin.web import words


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.44, "0.4 s"),
        (12, "12 s"),
        (65, "1 min"),
        (3600 * 5 + 600, "5 h 10 min"),
        (86400 * 3 + 7200, "3 d 2 h"),
        (None, "–"),
    ],
)
def test_a_duration(seconds: float | None, said: str) -> None:
    assert words.span(seconds) == said


@pytest.mark.parametrize(
    ("amount", "said"),
    [(512, "512 B"), (3.4 * 2**20, "3.4 MiB"), (50 * 2**20, "50 MiB"), (2**31, "2.0 GiB"), (None, "–")],
)
def test_a_size(amount: float | None, said: str) -> None:
    assert words.size(amount) == said


@pytest.mark.parametrize(("seconds", "said"), [(0.012, "12 ms"), (1.44, "1.4 s"), (None, "–")])
def test_a_latency(seconds: float | None, said: str) -> None:
    assert words.milliseconds(seconds) == said


@pytest.mark.parametrize(
    ("at", "said"),
    [("2026-01-02T03:04:05.678Z", "2026-01-02 03:04:05"), (0, "1970-01-01 00:00:00"), (None, "–"), ("soon", "soon")],
)
def test_a_time(at: object, said: str) -> None:
    assert words.clock_time(at) == said


@pytest.mark.parametrize(
    ("value", "said"), [(None, "–"), ("", "–"), (True, "yes"), (False, "no"), (0, "0"), ("x", "x")]
)
def test_anything_else(value: object, said: str) -> None:
    assert words.plain(value) == said


def test_why_and_what_comes_next() -> None:
    assert words.explain({"reason": "crashed", "next_retry_s": 4.0}) == "crashed; next try in 4.0 s"
    assert words.explain({"reason": "", "next_retry_s": 60}) == "next try in 1 min"
    assert words.explain({}) == "–"


def test_a_server_that_came_back_says_what_it_came_back_from() -> None:
    back = {"reason": "", "restarts": 1, "last_exit": {"reason": "killed by SIGKILL"}, "next_retry_s": None}
    assert words.explain(back) == "restarted after: killed by SIGKILL"
    assert words.explain({**back, "restarts": 0}) == words.NOTHING
