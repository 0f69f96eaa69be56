"""When to try again, and how long to wait."""

from __future__ import annotations

from random import Random

import pytest

from gateway.discovery.asking.retrying import LONGEST_ASKED_S, asked_wait_s, back_off_s, bucket, may_retry

WALL = 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 599])
def test_passing_troubles_are_tried_again(status: int) -> None:
    assert may_retry(status, {})


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422, 301])
def test_answers_that_will_not_change_are_not(status: int) -> None:
    assert not may_retry(status, {})


def test_the_server_has_the_last_word_on_trying_again() -> None:
    assert may_retry(404, {"x-should-retry": "true"})
    assert not may_retry(503, {"x-should-retry": "false"})


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "Fri, 15 Jan 2027 08:00:30 GMT"}, 30.0),
        ({"retry-after": "Fri, 15 Jan 2027 07:00:00 GMT"}, 0.0),
        ({"retry-after": "Fri, 31 Dec 9999 08:00:00 GMT"}, LONGEST_ASKED_S),
        ({"retry-after": "100000"}, LONGEST_ASKED_S),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e99"}, None),
        ({}, None),
    ],
)
def test_a_wait_that_was_asked_for_is_read_in_every_spelling(headers: dict[str, str], wait: float | None) -> None:
    assert asked_wait_s(headers, WALL) == wait


def test_back_off_doubles_up_to_its_bound_and_is_jittered_downwards() -> None:
    rng = Random(1)
    waits = [back_off_s(retry, rng) for retry in range(8)]
    for retry, wait in enumerate(waits):
        whole = min(0.5 * 2**retry, 8.0)
        assert 0.75 * whole <= wait <= whole


def test_the_same_seed_waits_the_same() -> None:
    assert [back_off_s(n, Random(3)) for n in range(3)] == [back_off_s(n, Random(3)) for n in range(3)]


@pytest.mark.parametrize(("rate", "burst", "found"), [("5/s", 10, (10, 2)), ("30/m", 1, (1, 2)), ("0.5/s", 2, (2, 4))])
def test_a_rate_becomes_a_bucket(rate: str, burst: int, found: tuple[float, float]) -> None:
    assert bucket(rate, burst) == found


@pytest.mark.parametrize("rate", ["", "5", "0/s", "-1/s", "5/day", "x/s"])
def test_nonsense_is_no_rate(rate: str) -> None:
    with pytest.raises(ValueError, match="is not a rate"):
        bucket(rate, 1)
