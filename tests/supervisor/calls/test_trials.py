"""A belief that a server is serial, tried now and then: over scripted connections and a clock turned by hand."""

from __future__ import annotations

import anyio

from gateway.model import CallPolicy
from tests.supervisor.calls.test_traffic import World, burst
from tests.supervisor.running import spec


async def test_a_false_belief_ends_by_calls_that_are_let_through_to_try() -> None:
    world = World()
    await burst(world, 6, 0.5)
    await burst(world, 1, 0.5)
    most = 0
    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(world.call, "t")
        await anyio.wait_all_tasks_blocked()
        while world.traffic.count:
            most = max(most, world.traffic.count)
            world.clock.advance(0.5)  # it is not serial (any more): all that it has got are done at the same time
            for _ in range(world.traffic.count):
                world.connection.answer("t")
            await anyio.wait_all_tasks_blocked()
    assert world.row("serial") == [False]
    assert most > 2
    assert world.clock.now() - 1000.0 < 12.0


async def test_a_server_that_is_serial_stays_so_through_all_trials() -> None:
    world = World()
    await burst(world, 6, 0.5)
    for _ in range(4):
        await burst(world, 40, 0.5)
        assert (world.row("serial"), world.traffic.count) == ([True], 0)


async def test_a_trial_asks_for_a_ping_and_its_pong_ends_the_belief() -> None:
    world = World()
    await burst(world, 6, 0.5)
    asked = len(world.troubles)
    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(world.call, "t")
        await anyio.wait_all_tasks_blocked()
        while len(world.troubles) == asked:
            world.clock.advance(0.5)
            world.connection.answer("t")
            await anyio.wait_all_tasks_blocked()
        assert (world.traffic.count, world.row("serial")) == (2, [True])
        world.traffic.probed(world.traffic.probing(), answered=True)
        assert (world.row("serial", "queued"), world.traffic.count) == ([False, 0], 10)
        tasks.cancel_scope.cancel()


async def test_another_launch_is_another_server_and_the_same_one_is_not() -> None:
    world = World()
    await burst(world, 6, 0.5)
    world.traffic.adopt(spec("s", call=CallPolicy(timeout_sec=5.0)))
    assert world.row("serial") == [True]
    world.traffic.adopt(spec("s", "crasher.py"))
    assert (world.row("serial"), world.traffic.queue.is_serial) == ([None], False)
