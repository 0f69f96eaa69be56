"""Limits as numbers, and what counts as too much."""

from __future__ import annotations

import pytest

from gateway.model import ResourceLimits
from gateway.supervisor.causes import Cause
from gateway.supervisor.limits.ceilings import (
    LOOK_S,
    REST_S,
    SOONEST_S,
    Ceilings,
    Usage,
    breach,
    ceilings,
    in_words,
    look_again_in_s,
)

MIB = 2**20


def test_the_default_is_half_the_memory_and_a_thousand_tasks() -> None:
    row = ceilings(ResourceLimits(), machine_bytes=8 * 2**30, open_files_max=1_000_000, by="watch").row()
    assert row == {
        "MemoryMax": 4 * 2**30,
        "TasksMax": 1024,
        "CPUQuota": None,
        "LimitNOFILE": 8192,
        "LimitFSIZE": None,
        "RuntimeMaxSec": None,
        "by": "watch",
    }


def test_an_absolute_size_beats_the_share_and_no_more_files_than_are_allowed() -> None:
    limits = ResourceLimits(memory_max_bytes=64 * MIB, nofile=100_000, cpu_quota=0.5, fsize_bytes=7, runtime_max_sec=9)
    found = ceilings(limits, machine_bytes=8 * 2**30, open_files_max=4096, by="cgroup")
    assert found == Ceilings(64 * MIB, 1024, 0.5, 4096, 7, 9, "cgroup")


def test_infinity_is_no_bound() -> None:
    limits = ResourceLimits(memory_max_share=None, tasks_max=None, nofile=None)
    found = ceilings(limits, machine_bytes=2**30, open_files_max=4096, by="watch")
    assert (found.memory_bytes, found.tasks, found.nofile) == (None, None, None)
    assert breach(Usage(2**50, 10**6), found) is None


def test_what_is_within_the_limits_is_no_breach() -> None:
    assert breach(Usage(64 * MIB, 20), Ceilings(64 * MIB, 20)) is None


def test_too_much_memory_says_how_much_and_what_was_allowed() -> None:
    found = breach(Usage(70 * MIB, 3), Ceilings(64 * MIB, 20))
    assert found is not None
    assert (found.cause, found.text) == (Cause.OOM, "oom: its memory reached 70 MiB, MemoryMax is 64 MiB")


def test_too_many_tasks_say_how_many_and_are_named_before_memory_which_they_may_share() -> None:
    found = breach(Usage(70 * MIB, 21), Ceilings(64 * MIB, 20))
    assert found is not None
    assert (found.cause, found.text) == (Cause.TASKS, "tasks: it has 21 processes and threads, TasksMax is 20")


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 B"), (512, "512 B"), (2048, "2 KiB"), (int(1.5 * 2**30), "1.5 GiB"), (1000 * MIB, "1000 MiB")],
)
def test_sizes_are_spelled_for_people(size: int, words: str) -> None:
    assert in_words(size) == words


def test_a_server_that_does_nothing_is_looked_at_at_leisure_unless_it_is_close_to_a_limit() -> None:
    allowed = Ceilings(100 * MIB, 100)
    assert look_again_in_s(Usage(90 * MIB, 9), Usage(90 * MIB, 9), allowed, 1.0) == LOOK_S
    assert look_again_in_s(Usage(10 * MIB, 99), Usage(10 * MIB, 99), allowed, 1.0) == LOOK_S
    assert look_again_in_s(Usage(90 * MIB, 99), Usage(10 * MIB, 9), allowed, 1.0) == REST_S
    assert look_again_in_s(Usage(), Usage(), Ceilings(), 1.0) == REST_S


@pytest.mark.parametrize("now", [Usage(12 * MIB, 5, 1.0), Usage(10 * MIB, 6, 1.0), Usage(10 * MIB, 5, 1.2)])
def test_a_server_that_works_or_grows_is_looked_at_as_usual(now: Usage) -> None:
    assert look_again_in_s(Usage(10 * MIB, 5, 1.0), now, Ceilings(1000 * MIB, 1000), 3.0) == LOOK_S


def test_a_server_that_is_about_to_pass_a_limit_is_looked_at_sooner() -> None:
    allowed = Ceilings(100 * MIB, 100)
    assert look_again_in_s(Usage(20 * MIB, 1), Usage(60 * MIB, 1), allowed, 1.0) == pytest.approx(0.5)
    assert look_again_in_s(Usage(0, 1), Usage(0, 99), allowed, 1.0) == SOONEST_S
    assert look_again_in_s(Usage(), Usage(2**40, 5), Ceilings(), 1.0) == LOOK_S
    assert look_again_in_s(Usage(), Usage(2**40, 5), allowed, 0.0) == LOOK_S
