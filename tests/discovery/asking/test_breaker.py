"""When a registry is left alone, and for how long."""

from __future__ import annotations

from random import Random

import pytest

from gateway.discovery.asking.breaker import (
    FIRST_PAUSE_S,
    JITTER,
    LONGEST_PAUSE_S,
    SUSPICIONS,
    Breaker,
    is_worth_remembering,
    kept_form,
    restored,
)
from gateway.errors import RegistryUnauthorized, RegistryUnavailable, Who

DOWN = RegistryUnavailable("Smithery is not reachable", fix="Check the network.", who=Who.PERSON)
WALL = 1_800_000_000.0


@pytest.fixture
def breaker() -> Breaker:
    return Breaker(Random(3))


def fail(breaker: Breaker, now: float, *, whole: bool = True, asked_s: float | None = None) -> None:
    breaker.failed(DOWN, now=now, wall=WALL + now, whole=whole, asked_s=asked_s)


def pause_s(breaker: Breaker, now: float) -> float:
    assert breaker.outage is not None
    return breaker.outage.until - now


def test_a_registry_that_answers_is_never_left_alone(breaker: Breaker) -> None:
    breaker.answered()
    assert (breaker.refusal(0.0), breaker.is_tripped) == (None, False)


def test_an_outage_opens_it_at_once_and_says_since_when_and_until_when(breaker: Breaker) -> None:
    fail(breaker, 100.0)
    refusal = breaker.refusal(101.0)
    assert isinstance(refusal, RegistryUnavailable)
    assert refusal.message.startswith("Smithery is not reachable (since 2027-01-15T08:01:40.000Z; asked again in ")
    assert (refusal.fix, refusal.who) == ("Check the network.", Who.PERSON)
    assert refusal.retry_after_s == pytest.approx(pause_s(breaker, 101.0))


def test_pauses_grow_are_jittered_and_bounded(breaker: Breaker) -> None:
    now, pauses = 0.0, []
    for _ in range(8):
        fail(breaker, now)
        pauses.append(pause_s(breaker, now))
        now += pauses[-1]
    wanted = [min(FIRST_PAUSE_S * 2**number, LONGEST_PAUSE_S) for number in range(8)]
    assert all(full * (1 - JITTER) <= pause <= full for full, pause in zip(wanted, pauses, strict=True))
    assert pauses != wanted


def test_after_the_pause_it_is_on_probation_until_an_answer_comes(breaker: Breaker) -> None:
    fail(breaker, 0.0)
    assert breaker.refusal(FIRST_PAUSE_S) is None
    assert breaker.is_tripped
    breaker.answered()
    assert not breaker.is_tripped


def test_a_straggler_of_the_same_outage_does_not_make_the_pause_longer(breaker: Breaker) -> None:
    fail(breaker, 0.0)
    before = breaker.outage
    fail(breaker, 0.1)
    assert breaker.outage is before


def test_the_outage_began_when_it_was_first_met(breaker: Breaker) -> None:
    fail(breaker, 0.0)
    fail(breaker, FIRST_PAUSE_S)
    assert breaker.outage is not None
    assert (breaker.outage.since, breaker.outage.failures) == (WALL, 2)


def test_trouble_that_may_concern_one_question_opens_it_only_after_several_in_a_row(breaker: Breaker) -> None:
    for _ in range(SUSPICIONS - 1):
        fail(breaker, 0.0, whole=False)
    assert not breaker.is_tripped
    breaker.answered()
    for _ in range(SUSPICIONS):
        fail(breaker, 0.0, whole=False)
    assert breaker.is_tripped


def test_a_wait_that_the_registry_asks_for_is_granted(breaker: Breaker) -> None:
    fail(breaker, 0.0, asked_s=25.0)
    assert pause_s(breaker, 0.0) == 25.0


def test_a_refused_key_stays_a_refused_key(breaker: Breaker) -> None:
    breaker.leave_alone(RegistryUnauthorized("401", fix="set a key"), 600.0, now=0.0, wall=WALL)
    refusal = breaker.refusal(599.0)
    assert isinstance(refusal, RegistryUnauthorized)
    assert (refusal.message, refusal.fix, breaker.refusal(600.0)) == ("401", "set a key", None)
    assert breaker.outage is not None
    assert not is_worth_remembering(breaker.outage)


def test_the_next_process_goes_on_where_this_one_ended(breaker: Breaker) -> None:
    fail(breaker, 50.0)
    assert breaker.outage is not None
    assert is_worth_remembering(breaker.outage)
    kept = kept_form(breaker.outage, now=51.0, wall=WALL + 51)
    later = restored(kept, now=7.0, wall=WALL + 52, longest_s=3600.0)
    assert later is not None
    assert later.until - 7.0 == pytest.approx(breaker.outage.until - 52.0)
    assert (later.since, later.failures, later.error.message) == (WALL + 50, 1, DOWN.message)


def test_a_calendar_that_was_set_back_cannot_close_it_for_long(breaker: Breaker) -> None:
    fail(breaker, 0.0)
    kept = kept_form(breaker.outage, now=0.0, wall=WALL)
    later = restored(kept, now=0.0, wall=WALL - 1e8, longest_s=60.0)
    assert later is not None
    assert later.until == 60.0


@pytest.mark.parametrize(
    "kept",
    [
        None, [], {}, {"failures": 0}, {"failures": 3}, "x",
        {"message": "m", "fix": "f", "who": "stranger", "since": 1, "until": WALL, "failures": 1},
        {"message": "m", "fix": "f", "who": "nobody", "since": 1, "until": 5, "failures": 1},
        {"message": 5, "fix": "f", "who": "nobody", "since": 1, "until": WALL, "failures": 1},
    ],
)  # fmt: skip
def test_what_is_over_or_not_ours_says_nothing(kept: object) -> None:
    assert restored(kept, now=0.0, wall=WALL, longest_s=3600.0) is None


def test_no_outage_is_kept_as_none() -> None:
    assert kept_form(None, now=0.0, wall=WALL) == {"failures": 0}
