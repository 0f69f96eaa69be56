"""Deadlines that progress pushes back."""

from __future__ import annotations

import anyio

from gateway.supervisor.talking.patience import Patience


async def test_without_progress_it_ends_at_the_deadline() -> None:
    patience = Patience(0.01, 60)
    with anyio.fail_after(5), patience.scope:
        await anyio.sleep_forever()
    assert patience.scope.cancelled_caught
    assert patience.waited_s >= 0.01


async def test_progress_pushes_the_deadline_back_but_not_beyond_the_limit() -> None:
    patience = Patience(10, 15)
    first = patience.scope.deadline
    with patience.scope:
        await anyio.sleep(0.01)
        patience.extend()
        assert first < patience.scope.deadline < first + 1
        for _ in range(3):
            patience._timeout_s = 100  # as if much time had passed
            patience.extend()
        assert patience.scope.deadline == first + 5


async def test_it_says_how_long_one_may_take() -> None:
    patience = Patience(10, 15)
    assert patience.allowed_s == 10.0
    patience._timeout_s = 100
    patience.extend()
    assert patience.allowed_s == 15.0


async def test_without_a_limit_progress_changes_nothing() -> None:
    patience = Patience(10)
    before = patience.scope.deadline
    patience.extend()
    assert patience.scope.deadline == before
