"""One call at a time, or several: told apart by when answers come."""

from __future__ import annotations

import random

import pytest

from gateway.supervisor.calls.serial import (
    DEAF_WEIGHT,
    MOST_NEEDED,
    NEEDED,
    PROBE,
    PROVEN,
    SHORT_GAPS,
    SHORT_TRIALS,
    TRIAL_CALLS,
    TRIAL_S,
    Flight,
    SerialDetector,
    Trials,
)  # fmt: skip


def serve(detector: SerialDetector, *bursts: list[float], workers: int, kind: str = "t", start: float = 0.0) -> float:
    """Let a server with so many workers answer bursts of calls that take these seconds; returns when it is done."""
    now = start
    for burst in bursts:
        flights = [detector.begin(kind, now) for _ in burst]
        free = [now] * workers
        ends: list[tuple[float, int, Flight]] = []
        for number, (took, flight) in enumerate(zip(burst, flights, strict=True)):
            worker = free.index(min(free))
            free[worker] += took
            ends.append((free[worker], number, flight))
        for end, _, flight in sorted(ends, key=lambda one: one[:2]):
            detector.end(flight, end)
        now = max(free) + 1.0
    return now


def test_answers_one_service_time_apart_are_one_call_at_a_time() -> None:
    detector = SerialDetector()
    serve(detector, [0.2] * (NEEDED + 1), workers=1)
    assert detector.verdict is True


def test_a_few_overlaps_are_not_enough() -> None:
    detector = SerialDetector()
    serve(detector, [0.2] * NEEDED, workers=1)
    assert detector.verdict is None


@pytest.mark.parametrize("workers", [2, 3, 64])
def test_calls_of_equal_duration_side_by_side_are_not_one_at_a_time(workers: int) -> None:
    detector = SerialDetector()
    serve(detector, [0.5] * 12, [0.5] * 12, workers=workers)
    assert detector.verdict is False


def test_equal_calls_that_begin_one_after_the_other_are_not_one_at_a_time() -> None:
    detector = SerialDetector()
    flights = [(detector.begin("t", 0.1 * n), 0.1 * n + 1.0) for n in range(10)]
    for flight, end in flights:
        detector.end(flight, end)
    assert detector.verdict is False


def test_an_answer_out_of_order_is_proof() -> None:
    detector = SerialDetector()
    first, second = detector.begin("slow", 0.0), detector.begin("quick", 0.0)
    detector.end(second, 0.01)
    detector.end(first, 5.0)
    assert detector.verdict is False


def test_a_proof_revokes_what_was_believed_and_more_is_asked_for_after_it() -> None:
    detector = SerialDetector()
    now = serve(detector, [0.2] * (NEEDED + 1), workers=1)
    call, ping = detector.begin("t", now), detector.begin(PROBE, now)
    assert detector.end(ping, now + 0.001)
    detector.end(call, now + 0.2)
    assert detector.verdict is False
    now = serve(detector, [0.2] * PROVEN, workers=1, start=now + 1)
    assert detector.verdict is False
    serve(detector, [0.2] * 2, workers=1, start=now + 1)
    assert detector.verdict is True


def test_what_is_asked_for_after_proofs_has_an_end() -> None:
    detector = SerialDetector()
    now = 0.0
    for _ in range(6):
        now = serve(detector, [0.2] * (MOST_NEEDED + 1), workers=1, start=now)
        assert detector.verdict is True
        call, ping = detector.begin("t", now), detector.begin(PROBE, now)
        detector.end(ping, now + 0.001)
        detector.end(call, now + 0.2)
        assert detector.verdict is False


def test_very_quick_calls_say_nothing() -> None:
    detector = SerialDetector()
    serve(detector, *[[0.002] * 20] * 5, workers=1)
    assert detector.verdict is None


def test_calls_one_after_the_other_say_nothing() -> None:
    detector = SerialDetector()
    serve(detector, *[[0.5]] * 50, workers=1)
    assert detector.verdict is None


def test_a_call_that_hardly_waited_says_nothing() -> None:
    detector = SerialDetector()
    now = serve(detector, [1.0], workers=1)
    for _ in range(20):
        first, second = detector.begin("t", now), detector.begin("t", now + 0.9)
        detector.end(first, now + 1.0)
        detector.end(second, now + 1.9)
        now += 3
    assert detector.verdict is None


def test_one_short_gap_only_begins_the_count_anew() -> None:
    detector = SerialDetector()
    assert SHORT_GAPS == 2
    now = serve(detector, [0.2] * 4, [0.2, 0.01, 0.2], workers=1)
    assert detector.verdict is None
    serve(detector, [0.2] * (NEEDED + 1), workers=1, start=now)
    assert detector.verdict is True


@pytest.mark.parametrize("seed", range(20))
def test_servers_with_several_workers_and_calls_of_any_length_are_not_one_at_a_time(seed: int) -> None:
    rng = random.Random(seed)
    detector = SerialDetector()
    bursts = [[rng.uniform(0.05, 3.0) for _ in range(rng.randint(2, 6))] for _ in range(30)]
    serve(detector, *bursts, workers=rng.randint(2, 6))
    assert detector.verdict is False


@pytest.mark.parametrize("seed", range(20))
def test_a_server_with_one_worker_is_recognised_whatever_its_calls_take(seed: int) -> None:
    rng = random.Random(seed)
    detector = SerialDetector()
    bursts = [[rng.uniform(0.8, 1.2) for _ in range(rng.randint(2, 6))] for _ in range(30)]
    serve(detector, *bursts, workers=1)
    assert detector.verdict is True


def test_pings_that_are_answered_only_after_the_call_found_nobody_reading() -> None:
    detector = SerialDetector()
    now = 0.0
    for _ in range(-(-NEEDED // DEAF_WEIGHT)):
        call, ping = detector.begin("t", now), detector.begin(PROBE, now + 10)
        detector.end(call, now + 15)
        detector.end(ping, now + 15.001)
        now += 20
    assert detector.verdict is True


def deaf_pings(detector: SerialDetector, count: int, start: float) -> float:
    """Pings that are answered only after the call before them."""
    now = start
    for _ in range(count):
        call, ping = detector.begin("t", now), detector.begin(PROBE, now + 10)
        detector.end(call, now + 15)
        detector.end(ping, now + 15.001)
        now += 20
    return now


def test_a_server_that_worked_on_several_calls_and_then_stood_still_twice_is_not_serial() -> None:
    detector = SerialDetector()
    now = serve(detector, [0.3] * 20, workers=20)
    assert detector.verdict is False
    deaf_pings(detector, 2, now)
    assert detector.verdict is False


def test_one_that_answered_out_of_order_is_doubted_only_after_many_pauses() -> None:
    detector = SerialDetector()
    slow, quick = detector.begin("t", 0.0), detector.begin("t", 0.0)
    detector.end(quick, 0.1)
    detector.end(slow, 1.0)
    now = deaf_pings(detector, PROVEN - 1, 10.0)
    assert detector.verdict is False
    deaf_pings(detector, 1, now)
    assert detector.verdict is True


def test_calls_side_by_side_end_the_belief_and_it_is_doubted_from_the_first_of_them_on() -> None:
    detector = SerialDetector()
    now = deaf_pings(detector, 2, 0.0)
    assert (detector.verdict, detector.is_doubted) == (True, False)
    now = serve(detector, [1.0], workers=1, start=now)
    for _ in range(SHORT_TRIALS):
        assert detector.verdict is True
        now = serve(detector, [15.0, 15.0], workers=2, start=now)
        assert detector.is_doubted is (detector.verdict is True)
    assert detector.verdict is False


def test_another_server_is_judged_anew() -> None:
    detector = SerialDetector()
    serve(detector, [0.2] * (NEEDED + 1), workers=1)
    old = detector.begin("t", 50.0)
    detector.forget()
    assert (detector.verdict, detector.open) == (None, [old])
    assert detector.end(old, 60.0) is False
    serve(detector, [0.5] * 12, workers=12, start=61.0)
    assert detector.verdict is not True


def test_two_are_let_through_after_some_calls_or_some_time_or_a_doubt() -> None:
    trials = Trials()
    assert [trials.is_due(float(n), is_doubted=False) for n in range(TRIAL_CALLS)] == [False] * 9 + [True]
    assert not trials.is_due(100.0, is_doubted=False)
    assert trials.is_due(100.0 + TRIAL_S, is_doubted=False)
    assert not trials.is_due(200.0, is_doubted=False)
    assert trials.is_due(200.0, is_doubted=True)


def test_very_quick_calls_are_not_tried_all_the_time() -> None:
    trials = Trials()
    assert sum(trials.is_due(0.001 * n, is_doubted=False) for n in range(5000)) < 6


def test_a_ping_that_waited_a_moment_says_nothing() -> None:
    detector = SerialDetector()
    for now in range(0, 1000, 20):
        call, ping = detector.begin("t", now), detector.begin(PROBE, now + 0.01)
        detector.end(call, now + 0.02)
        detector.end(ping, now + 0.03)
    assert detector.verdict is None


def test_a_server_that_ignores_pings_is_not_proven_to_work_side_by_side() -> None:
    detector = SerialDetector()
    detector.begin(PROBE, 0.0)
    serve(detector, *[[0.2]] * 20, workers=1, start=1.0)
    assert detector.verdict is None


def test_after_a_call_was_given_up_nothing_is_learned_until_a_later_one_is_answered() -> None:
    detector = SerialDetector()
    dropped, behind = detector.begin("t", 0.0), detector.begin("t", 0.1)
    detector.drop(dropped)
    detector.end(behind, 9.0)
    first, second = detector.begin("t", 10.0), detector.begin("t", 10.0)
    detector.end(first, 10.2)
    detector.end(second, 10.2)
    assert detector.verdict is None
    serve(detector, [0.2] * (NEEDED + 1), workers=1, start=20.0)
    assert detector.verdict is True


def test_another_process_begins_with_nothing_open_and_all_that_is_known() -> None:
    detector = SerialDetector()
    serve(detector, [0.2] * (NEEDED + 1), workers=1)
    old = detector.begin("t", 50.0)
    detector.forget_open()
    assert (detector.end(old, 60.0), detector.open, detector.verdict) == (False, [], True)


def test_names_without_end_are_not_remembered() -> None:
    detector = SerialDetector()
    for number in range(1000):
        detector.end(detector.begin(f"t{number}", number), number + 0.5)
    assert len(detector._service) == 256
