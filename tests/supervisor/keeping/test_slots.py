"""How many children may be on their way up at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import TaskGroup

from gateway.clock import SystemClock
from gateway.supervisor.keeping.slots import CROWD, StartSlots


class Starts:
    """Starts that last until they are told to end."""

    def __init__(self, slots: StartSlots) -> None:
        self.slots = slots
        self.began: list[str] = []
        self.ends: dict[str, anyio.Event] = {}
        self.more = anyio.Event()

    async def start(self, name: str) -> None:
        """Hold a slot until `end`."""
        self.ends[name] = anyio.Event()
        async with self.slots:
            self.began.append(name)
            self.more.set()
            await self.ends[name].wait()

    async def until(self, count: int) -> None:
        """Wait until so many have begun."""
        with anyio.fail_after(20):
            while len(self.began) < count:
                self.more = anyio.Event()
                await self.more.wait()


@asynccontextmanager
async def starting(slots: StartSlots, *names: str) -> AsyncIterator[tuple[Starts, TaskGroup]]:
    starts = Starts(slots)
    async with anyio.create_task_group() as tasks:
        for name in names:
            tasks.start_soon(starts.start, name)
        await anyio.wait_all_tasks_blocked()
        yield starts, tasks
        tasks.cancel_scope.cancel()


async def test_no_more_than_so_many_start_at_once_and_in_the_order_of_their_coming() -> None:
    async with starting(StartSlots(2, SystemClock()), *"abcd") as (starts, _):
        assert starts.began == ["a", "b"]
        starts.ends["b"].set()
        await starts.until(3)
        starts.ends["a"].set()
        await starts.until(4)
        assert starts.began == ["a", "b", "c", "d"]


async def test_one_that_takes_long_lets_the_next_one_go() -> None:
    async with starting(StartSlots(1, SystemClock(), patience_s=0.05), *"abc") as (starts, _):
        await starts.until(3)
        assert starts.began == ["a", "b", "c"]


async def test_the_late_ones_stay_bounded() -> None:
    names = [str(n) for n in range(CROWD + 1)]
    async with starting(StartSlots(1, SystemClock(), patience_s=0.01), *names) as (starts, _):
        await starts.until(CROWD)
        with anyio.move_on_after(0.1):
            await starts.until(CROWD + 1)
        assert starts.began == names[:CROWD]
        starts.ends["3"].set()
        await starts.until(CROWD + 1)


@pytest.mark.parametrize("gone", ["b", "c"])
async def test_one_that_gives_up_waiting_does_not_hold_up_the_queue(gone: str) -> None:
    slots = StartSlots(1, SystemClock())
    async with starting(slots, "a") as (starts, tasks):
        scopes: dict[str, anyio.CancelScope] = {}

        async def waiting(name: str) -> None:
            with anyio.CancelScope() as scopes[name]:
                await starts.start(name)

        for name in "bcd":
            tasks.start_soon(waiting, name)
        await anyio.wait_all_tasks_blocked()
        scopes[gone].cancel()
        await anyio.wait_all_tasks_blocked()
        starts.ends["a"].set()
        await starts.until(2)
        starts.ends[starts.began[1]].set()
        await starts.until(3)
        assert starts.began == [name for name in "abcd" if name != gone]
