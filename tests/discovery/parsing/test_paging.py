"""When a walk over pages ends."""

from __future__ import annotations

import pytest

from gateway.discovery.parsing.paging import STALE_PAGES, Walk


def walk() -> Walk:
    return Walk(asked_size=10, most_pages=50)


def turn(one: Walk, entries: int, *, new: bool = True, size: int | None = None, total: int | None = None) -> bool:
    one.turn(entries=entries, brought_new=new, page_size=size, total_pages=total)
    return one.is_over


@pytest.mark.parametrize("total", [None, 0, 1, 1000])
def test_an_empty_page_ends_it_whatever_the_count_says(total: int | None) -> None:
    assert turn(walk(), 0, new=False, total=total)


@pytest.mark.parametrize("total", [None, 0, 1, 2, 1000])
def test_a_full_page_never_ends_it_whatever_the_count_says(total: int | None) -> None:
    assert not turn(walk(), 10, total=total)


@pytest.mark.parametrize(("total", "is_over"), [(1, True), (2, False), (0, False), (None, False)])
def test_a_short_page_ends_it_when_the_count_agrees(total: int | None, is_over: bool) -> None:
    assert turn(walk(), 3, total=total) is is_over


def test_a_registry_that_gives_fewer_than_asked_for_is_full_at_its_own_size() -> None:
    assert not turn(walk(), 5, size=5, total=1)
    assert turn(walk(), 4, size=5, total=1)


def test_pages_without_anything_new_end_it_but_one_of_them_may_happen() -> None:
    one = walk()
    assert not turn(one, 10, new=False)
    assert not turn(one, 10)
    ends = [turn(one, 10, new=False) for _ in range(STALE_PAGES)]
    assert ends == [False] * (STALE_PAGES - 1) + [True]


def test_a_walk_without_end_is_bounded() -> None:
    one = Walk(asked_size=10, most_pages=3)
    assert [turn(one, 10) for _ in range(3)] == [False, False, True]


def test_pages_are_asked_for_in_order() -> None:
    one, numbers = walk(), []
    for _ in range(3):
        numbers.append(one.number)
        turn(one, 10)
    assert numbers == [1, 2, 3]


def test_each_name_is_new_once_whatever_its_case() -> None:
    one = walk()
    assert one.fresh(["a/b", "a/B", "c"]) == [True, False, True]
    assert one.fresh(["C", "d"]) == [False, True]
