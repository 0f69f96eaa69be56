"""When a dead child comes back."""

from __future__ import annotations

import random

import pytest

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
