"""Polite messages leave beside everything else."""

from __future__ import annotations

from functools import partial

import anyio

from gateway.supervisor.talking.http.courier import MAX_LETTERS, Courier


async def test_letters_leave_in_order_and_none_waits_for_another() -> None:
    courier, sent, all_sent = Courier(), [], anyio.Event()

    async def send(number: int) -> None:
        if number == 0:
            await anyio.sleep_forever()
        sent.append(number)
        if number == 3:
            all_sent.set()

    for number in (0, 1, 2):
        courier.take(partial(send, number))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(courier.run)
        await anyio.wait_all_tasks_blocked()
        courier.take(partial(send, 3))
        with anyio.fail_after(10):
            await all_sent.wait()
        tasks.cancel_scope.cancel()
    assert sent == [1, 2, 3]


async def test_of_too_many_letters_the_newest_are_kept() -> None:
    courier, sent = Courier(), []

    async def send(number: int) -> None:
        sent.append(number)

    for number in range(MAX_LETTERS + 5):
        courier.take(partial(send, number))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(courier.run)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert sent == list(range(5, MAX_LETTERS + 5))
