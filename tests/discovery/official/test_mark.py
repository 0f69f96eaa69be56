"""How far a registry was copied."""

from __future__ import annotations

import pytest

from gateway.clock import rfc3339
from gateway.discovery.official.mark import (
    FULL_EVERY_S,
    OVERLAP_S,
    RESUME_WITHIN_S,
    Mark,
    Walk,
    completed,
    next_walk,
    read_mark,
    stepped,
    written,
)

BASE = "https://registry.example"
T = 1_800_000_000.0
SINCE = rfc3339(T - 1000)
DONE = Mark(BASE, SINCE, T - 900, T - 5000, 100)


def test_a_mark_survives_the_store() -> None:
    mark = Mark(BASE, SINCE, 1.0, 2.0, 3, Walk(None, 4.0, "c", 5.0, 6))
    assert read_mark(written(mark), BASE) == mark


@pytest.mark.parametrize("text", [None, "", "nonsense", "{}", "[]", '{"base_url": 5}'])
def test_a_mark_that_cannot_be_read_counts_for_nothing(text: str | None) -> None:
    assert read_mark(text, BASE) == Mark(BASE)


def test_a_mark_of_another_registry_counts_for_nothing() -> None:
    assert read_mark(written(DONE), "https://other.example") == Mark("https://other.example")


@pytest.mark.parametrize(
    ("mark", "full", "since", "resumed"),
    [
        (Mark(BASE), False, None, False),
        (DONE, False, SINCE, False),
        (DONE, True, None, False),
        (Mark(BASE, SINCE, T, T - FULL_EVERY_S - 1, 100), False, None, False),
        (Mark(BASE, SINCE, T, T, 100, Walk(SINCE, T - 5, "c")), False, SINCE, True),
        (Mark(BASE, SINCE, T, T, 100, Walk(SINCE, T - 5, "c")), True, None, False),
        (Mark(BASE, None, None, None, 0, Walk(None, T - 5, "c")), False, None, True),
        (Mark(BASE, None, None, None, 0, Walk(None, T - 5, "c")), True, None, True),
        (Mark(BASE, SINCE, T, T, 100, Walk(None, T - RESUME_WITHIN_S - 1, "c")), False, SINCE, False),
        (Mark(BASE, SINCE, T, T, 100, Walk(None, T + 5, "c")), False, SINCE, False),  # the clock was set back
    ],
)
def test_the_next_walk_goes_on_or_begins(mark: Mark, full: bool, since: str | None, resumed: bool) -> None:
    walk, was_begun = next_walk(mark, T, full=full)
    assert (walk.since, was_begun) == (since, resumed)
    assert walk.started == (T - 5 if resumed else T)


def test_a_walk_remembers_the_newest_change() -> None:
    walk = stepped(Walk(None, T), "a", [rfc3339(T - 50), None, "nonsense", rfc3339(T - 20)], 4)
    walk = stepped(walk, "b", [rfc3339(T - 30)], 1)
    assert walk == Walk(None, T, "b", T - 20, 5)


@pytest.mark.parametrize(
    ("newest", "until"),
    [
        (T - 50, T - 50 - OVERLAP_S),  # the registry's own time counts
        (T + 99, T - OVERLAP_S),  # but what changed during the walk may have been missed
        (None, T - OVERLAP_S),
    ],
)
def test_a_whole_walk_moves_the_moment_with_an_overlap(newest: float | None, until: float) -> None:
    done = completed(Mark(BASE), Walk(None, T, "c", newest, 7), T + 40)
    assert done == Mark(BASE, rfc3339(until), T + 40, T + 40, 7)


def test_the_moment_never_goes_back() -> None:
    walk = Walk(SINCE, T, None, T - 5000, 3)
    assert completed(DONE, walk, T + 1) == Mark(BASE, SINCE, T + 1, DONE.full_at, 100)


def test_nothing_new_leaves_the_moment_where_it_is() -> None:
    assert completed(DONE, Walk(SINCE, T), T + 1).until == SINCE
