"""When a dead child comes back."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import RestartPolicy
from gateway.supervisor.restart import GiveUp, LeaveStopped, RestartAfter, RestartTracker, Verdict


def tracker(**policy: object) -> RestartTracker:
    return RestartTracker(RestartPolicy(**policy), random.Random(1))  # type: ignore[arg-type]


def die(subject: RestartTracker, now: float, *, lived_s: float = 0.0, clean: bool = False) -> Verdict:
    subject.started(now)
    if lived_s:
        subject.ready(now)
    return subject.exited(now + lived_s, clean=clean)


def delay(verdict: Verdict) -> float:
    assert isinstance(verdict, RestartAfter)
    return verdict.delay_s


def test_the_defaults_are_the_promised_numbers() -> None:
    policy = RestartPolicy()
    assert (policy.restart_sec, policy.restart_max_delay_sec) == (0.5, 60.0)
    assert (policy.start_limit_burst, policy.start_limit_interval_sec) == (5, 300.0)
    assert (policy.reset_after_sec, policy.retry_failed_sec) == (600.0, 600.0)


def test_the_back_off_doubles_up_to_its_cap_with_a_quarter_of_jitter() -> None:
    subject = tracker(start_limit_burst=1000)
    for n in range(12):
        base = min(0.5 * 2**n, 60.0)
        assert base <= delay(die(subject, 1000.0 * n)) <= base * 1.25


class Always(random.Random):
    """Draws the same number each time."""

    def __init__(self, drawn: float) -> None:
        super().__init__(0)
        self.drawn = drawn

    def random(self) -> float:
        return self.drawn


@pytest.mark.parametrize(("drawn", "factor"), [(0.0, 1.0), (0.5, 1.125), (1.0, 1.25)])
def test_the_curve_of_the_delays_is_exact(drawn: float, factor: float) -> None:
    subject = RestartTracker(RestartPolicy(start_limit_burst=1000), Always(drawn))
    delays = [delay(die(subject, 1000.0 * n)) for n in range(9)]
    assert delays == [base * factor for base in (0.5, 1, 2, 4, 8, 16, 32, 60, 60)]


def test_the_jitter_differs() -> None:
    one, other = tracker(), RestartTracker(RestartPolicy(), random.Random(2))
    assert delay(die(one, 0)) != delay(die(other, 0))


def test_crash_loop_backs_off_then_gives_up_at_the_fifth_exit() -> None:
    subject = tracker()
    assert all(isinstance(die(subject, now), RestartAfter) for now in (0, 1, 3, 7))
    verdict = die(subject, 15)
    assert isinstance(verdict, GiveUp)
    assert verdict.retry_s == 600.0
    assert "5 times within 300 s" in verdict.reason


@pytest.mark.parametrize("burst", [1, 2, 5, 9])
def test_it_is_started_exactly_as_often_as_the_limit_allows(burst: int) -> None:
    subject = tracker(start_limit_burst=burst)
    now, starts = 0.0, 0
    while True:
        starts += 1
        verdict = die(subject, now)
        if isinstance(verdict, GiveUp):
            break
        now += delay(verdict)
    assert starts == burst


@given(
    burst=st.integers(1, 6),
    interval_s=st.sampled_from([1.0, 60.0, 300.0]),
    lives=st.lists(st.tuples(st.booleans(), st.floats(0, 700, allow_nan=False)), max_size=60),
)
def test_no_interval_ever_sees_more_starts_than_the_limit(
    burst: int, interval_s: float, lives: list[tuple[bool, float]]
) -> None:
    subject = tracker(start_limit_burst=burst, start_limit_interval_sec=interval_s, retry_failed_sec=interval_s)
    now = 0.0
    starts: list[float] = []
    for becomes_ready, lived_s in lives:
        subject.started(now)
        starts.append(now)
        if becomes_ready:
            subject.ready(now)
        now += lived_s
        verdict = subject.exited(now, clean=False)
        assert not isinstance(verdict, LeaveStopped)
        now += verdict.delay_s if isinstance(verdict, RestartAfter) else verdict.retry_s or 0.0
        if becomes_ready and lived_s >= 600:
            starts.clear()  # ten good minutes: the history begins anew
    for first in starts:
        assert sum(1 for one in starts if first <= one < first + interval_s) <= burst


def test_a_failed_one_is_tried_once_every_ten_minutes_for_as_long_as_it_fails() -> None:
    subject = tracker()
    verdict: Verdict = RestartAfter(0.0)
    now, starts = 0.0, list[float]()
    while now < 3600:
        starts.append(now)
        verdict = die(subject, now)
        now += verdict.delay_s if isinstance(verdict, RestartAfter) else 600.0
    assert isinstance(verdict, GiveUp)
    assert len([one for one in starts if one < 60]) == 5
    assert len(starts) == 5 + 5
    assert all(later - earlier == pytest.approx(600.0) for earlier, later in pairwise(starts[4:]))


def test_exits_outside_the_interval_do_not_count() -> None:
    subject = tracker()
    assert all(isinstance(die(subject, now), RestartAfter) for now in range(0, 1000, 100))


def test_the_retry_of_a_failed_server_is_one_try() -> None:
    subject = tracker(start_limit_burst=1)
    assert isinstance(die(subject, 0), GiveUp)
    assert die(subject, 600) == GiveUp("the retry failed as well", 600.0)


def test_a_retry_that_became_ready_counts_as_a_fresh_start() -> None:
    subject = tracker(start_limit_burst=2)
    die(subject, 0)
    assert isinstance(die(subject, 1), GiveUp)
    assert isinstance(die(subject, 700, lived_s=5), RestartAfter)


def test_the_back_off_starts_again_from_the_bottom_after_ten_good_minutes_only() -> None:
    subject = tracker(start_limit_burst=1000)
    for now in (0, 1000, 2000):
        die(subject, now, lived_s=540)
    assert delay(die(subject, 3000, lived_s=540)) >= 4.0
    assert delay(die(subject, 4000, lived_s=660)) <= 0.625


def test_dying_every_nine_minutes_climbs_to_the_cap_and_every_eleven_stays_at_the_bottom() -> None:
    nine, eleven = tracker(), tracker()
    delays: dict[int, list[float]] = {9: [], 11: []}
    for minutes, subject in ((9, nine), (11, eleven)):
        now = 0.0
        for _ in range(12):
            found = delay(die(subject, now, lived_s=60.0 * minutes))
            delays[minutes].append(found)
            now += 60.0 * minutes + found
    assert delays[9][-1] >= 60.0
    assert all(later > earlier for earlier, later in pairwise(delays[9][:8]))
    assert all(0.5 <= found <= 0.625 for found in delays[11])


def test_long_life_before_it_was_ready_is_no_good_life() -> None:
    subject = tracker(start_limit_burst=1000)
    for now in (0, 1000, 2000):
        subject.started(now)
        verdict = subject.exited(now + 900, clean=False)
    assert delay(verdict) >= 2.0


def test_a_planned_exit_counts_for_nothing() -> None:
    subject = tracker(start_limit_burst=3)
    for n in range(100):
        subject.started(n)
        subject.ready(n)
        subject.planned_exit(n + 0.5)
    assert delay(die(subject, 100)) <= 0.625
    subject.started(101)
    subject.planned_exit(101)
    assert 1.0 <= delay(die(subject, 102)) <= 1.25
    assert isinstance(die(subject, 103), GiveUp)


def test_a_planned_exit_after_a_long_good_life_forgets_the_past() -> None:
    subject = tracker()
    die(subject, 0)
    subject.started(1)
    subject.ready(1)
    subject.planned_exit(700)
    assert delay(die(subject, 701)) <= 0.625


def test_asking_for_it_by_hand_forgets_the_history() -> None:
    subject = tracker(start_limit_burst=2)
    die(subject, 0)
    subject.forget()
    assert delay(die(subject, 1)) <= 0.625


def test_a_hopeless_failure_gives_up_at_once_and_says_why() -> None:
    subject = tracker()
    subject.started(0)
    assert subject.exited(0, clean=False, hopeless="not installed") == GiveUp("not installed", 600.0)


@pytest.mark.parametrize(
    ("policy", "clean", "expected"),
    [
        ("no", False, GiveUp("restart = no", None)),
        ("no", True, LeaveStopped("restart = no")),
        ("on-failure", True, LeaveStopped("restart = on-failure")),
    ],
)
def test_the_restart_policy_may_leave_it_alone(policy: str, clean: bool, expected: Verdict) -> None:
    assert die(tracker(restart=policy), 0, clean=clean) == expected


def test_on_failure_restarts_after_a_failure() -> None:
    assert isinstance(die(tracker(restart="on-failure"), 0), RestartAfter)


def test_another_policy_holds_from_now_on() -> None:
    subject = tracker()
    subject.adopt(RestartPolicy(restart="no"))
    assert isinstance(die(subject, 0), GiveUp)


@pytest.mark.parametrize(("asked", "expected"), [(None, 0.5), (0.1, 0.5), (7.0, 7.0), (9999.0, 60.0)])
def test_whoever_asks_to_be_left_alone_is_within_the_longest_delay(asked: float | None, expected: float) -> None:
    assert RestartTracker(RestartPolicy(), random.Random(1)).at_least(0.5, asked) == expected
