"""Waiting for a turn, over scripted connections: no child, no clock."""

from __future__ import annotations

import anyio
import pytest

from gateway.errors import ServerBusy, ServerNotReady
from gateway.model import CallPolicy, ServerName
from gateway.supervisor.calls.queue import CallQueue
from gateway.supervisor.ports import Connection
from tests.supervisor.scripted import ScriptedConnection

FAR_S = 600.0


class World:
    """A queue with one place, and callers that keep it until told."""

    def __init__(self, *, max_in_flight: int = 1, max_queue: int = 64, queue_timeout_sec: float = FAR_S) -> None:
        policy = CallPolicy(max_in_flight=max_in_flight, max_queue=max_queue, queue_timeout_sec=queue_timeout_sec)
        self.queue = CallQueue(ServerName("s"), policy, lambda: 7.0)
        self.connection = ScriptedConnection()
        self.queue.open(self.connection)
        self.served: list[str] = []
        self.at: list[Connection] = []
        self.refused: list[tuple[str, str]] = []
        self.leave: dict[str, anyio.Event] = {}

    async def call(self, name: str, left_s: float = FAR_S) -> None:
        """One call of the party that its first letter names."""
        self.leave[name] = anyio.Event()
        try:
            connection = await self.queue.turn(name[0], left_s)
        except (ServerBusy, ServerNotReady) as exc:
            self.refused.append((name, str(exc)))
            return
        try:
            self.served.append(name)
            self.at.append(connection)
            await self.leave[name].wait()
        finally:
            self.queue.done()

    async def finish(self, name: str) -> None:
        self.leave[name].set()
        await anyio.wait_all_tasks_blocked()


async def test_a_place_that_is_free_is_had_at_once() -> None:
    world = World()
    with anyio.fail_after(5):
        assert await world.queue.turn("a", FAR_S) is world.connection
    assert (world.queue.count, world.queue.waiting) == (1, 0)


async def test_calls_wait_in_order_and_parties_take_turns() -> None:
    world = World()
    async with anyio.create_task_group() as tasks:
        for name in ("a1", "a2", "a3", "b1"):
            tasks.start_soon(world.call, name)
            await anyio.wait_all_tasks_blocked()
        assert (world.queue.count, world.queue.waiting) == (1, 3)
        for name in ("a1", "a2", "b1", "a3"):
            assert world.served[-1] == name
            await world.finish(name)
    assert (world.queue.count, world.queue.waiting) == (0, 0)


async def test_a_queue_that_is_full_is_busy_and_says_when_to_come_again() -> None:
    world = World(max_queue=1)
    async with anyio.create_task_group() as tasks:
        for name in ("a1", "a2"):
            tasks.start_soon(world.call, name)
            await anyio.wait_all_tasks_blocked()
        with pytest.raises(ServerBusy, match="1 more wait for their turn") as caught:
            await world.queue.turn("a", FAR_S)
        assert caught.value.retry_after_s == 7.0
        tasks.cancel_scope.cancel()


async def test_one_who_fills_the_queue_makes_way_for_another() -> None:
    world = World(max_queue=2)
    async with anyio.create_task_group() as tasks:
        for name in ("a1", "a2", "a3", "b1"):
            tasks.start_soon(world.call, name)
            await anyio.wait_all_tasks_blocked()
        assert [name for name, _ in world.refused] == ["a3"]
        assert "made room for other callers" in world.refused[0][1]
        for name in ("a1", "a2", "b1"):
            await world.finish(name)
    assert world.served == ["a1", "a2", "b1"]


@pytest.mark.parametrize(("policy_s", "left_s"), [(0.01, FAR_S), (FAR_S, 0.01)])
async def test_nobody_waits_longer_than_the_queue_allows_nor_than_its_own_deadline(
    policy_s: float, left_s: float
) -> None:
    world = World(queue_timeout_sec=policy_s)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.call, "a1")
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(ServerBusy, match=r"waited 0\.01 s for its turn"), anyio.fail_after(20):
            await world.queue.turn("b", left_s)
        assert world.queue.waiting == 0
        tasks.cancel_scope.cancel()


async def test_a_cancelled_one_leaves_the_queue_and_never_had_a_turn() -> None:
    world = World()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.call, "a1")
        await anyio.wait_all_tasks_blocked()
        async with anyio.create_task_group() as others:
            others.start_soon(world.call, "b1")
            await anyio.wait_all_tasks_blocked()
            assert world.queue.waiting == 1
            others.cancel_scope.cancel()
        assert world.queue.waiting == 0
        await world.finish("a1")
    assert (world.served, world.queue.count) == (["a1"], 0)


@pytest.mark.parametrize("is_first_cancelled", [True, False])
async def test_one_cancelled_in_the_moment_of_its_turn_gives_the_place_back(is_first_cancelled: bool) -> None:
    world = World()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.call, "a1")
        await anyio.wait_all_tasks_blocked()
        async with anyio.create_task_group() as others:
            others.start_soon(world.call, "b1")
            await anyio.wait_all_tasks_blocked()
            if is_first_cancelled:
                others.cancel_scope.cancel()
            world.queue.done()  # b1's turn
            others.cancel_scope.cancel()
        assert (world.queue.count, world.queue.waiting) == (0, 0)
        world.queue.count += 1  # a1 gives it back itself
        await world.finish("a1")
    assert (world.served == ["a1"]) is is_first_cancelled


async def test_who_waits_when_the_child_dies_waits_for_its_next_life() -> None:
    world, after = World(), ScriptedConnection()
    async with anyio.create_task_group() as tasks:
        for name in ("a1", "a2"):
            tasks.start_soon(world.call, name)
            await anyio.wait_all_tasks_blocked()
        world.connection.die()
        world.queue.shut()
        await world.finish("a1")
        assert world.served == ["a1"]
        world.queue.open(after)
        await anyio.wait_all_tasks_blocked()
        assert (world.served, world.at[-1]) == (["a1", "a2"], after)
        await world.finish("a2")


async def test_one_whose_turn_came_as_the_child_died_stays_the_first() -> None:
    world, after = World(), ScriptedConnection()
    async with anyio.create_task_group() as tasks:
        for name in ("a1", "a2", "b1"):
            tasks.start_soon(world.call, name)
            await anyio.wait_all_tasks_blocked()
        world.leave["a1"].set()
        world.queue.done()  # a2 is granted the place ...
        world.queue.count += 1
        world.connection.die()  # ... and before it runs, the child is dead
        await anyio.wait_all_tasks_blocked()
        world.queue.shut()
        assert world.served == ["a1"]
        world.queue.open(after)
        await anyio.wait_all_tasks_blocked()
        assert world.served == ["a1", "a2"]
        for name in ("a2", "b1"):
            await world.finish(name)
    assert world.queue.count == 0


async def test_who_waited_in_vain_for_a_child_that_is_not_there_is_told_so() -> None:
    starting = ServerNotReady("s", state="starting", reason="starting")
    queue = CallQueue(ServerName("s"), CallPolicy(queue_timeout_sec=0.01), lambda: 1.0, lambda: starting)
    with pytest.raises(ServerNotReady, match="s is starting"):
        await queue.turn("a", FAR_S)


async def test_nothing_is_sent_to_one_that_is_dead_already() -> None:
    world = World(queue_timeout_sec=0.01)
    world.connection.die()
    with pytest.raises(ServerBusy):
        await world.queue.turn("a", FAR_S)


async def test_when_there_is_no_next_life_everybody_is_told_at_once_until_there_is() -> None:
    world = World()
    gave_up = ServerNotReady("s", state="failed", reason="gave up")
    async with anyio.create_task_group() as tasks:
        for name in ("a1", "b1"):
            tasks.start_soon(world.call, name)
            await anyio.wait_all_tasks_blocked()
        world.queue.shut()
        world.queue.refuse(lambda: gave_up)
        await anyio.wait_all_tasks_blocked()
        assert world.refused == [("b1", "s is failed: gave up")]
        with pytest.raises(ServerNotReady):
            await world.queue.turn("c", FAR_S)
        await world.finish("a1")
        world.queue.open(ScriptedConnection())
        await world.queue.turn("c", FAR_S)


async def test_a_held_queue_sends_nothing_more_in_this_life() -> None:
    world = World(max_in_flight=2)
    world.queue.hold()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.call, "a1")
        await anyio.wait_all_tasks_blocked()
        assert (world.queue.count, world.queue.waiting) == (0, 1)
        world.queue.open(ScriptedConnection())
        await anyio.wait_all_tasks_blocked()
        await world.finish("a1")
    assert world.served == ["a1"]


async def test_a_kept_place_is_taken_until_it_is_freed() -> None:
    world = World(max_in_flight=2)
    world.queue.is_serial = True
    world.queue.keep()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.call, "a1")
        await anyio.wait_all_tasks_blocked()
        assert world.served == []
        world.queue.free()
        await anyio.wait_all_tasks_blocked()
        assert world.served == ["a1"]
        await world.finish("a1")


async def test_resting_waits_for_calls_at_the_child_and_none_for_the_others_too() -> None:
    world = World()
    ended: list[str] = []

    async def wait(name: str) -> None:
        await (world.queue.rest() if name == "rest" else world.queue.none())
        ended.append(name)

    async with anyio.create_task_group() as tasks:
        for name in ("a1", "a2"):
            tasks.start_soon(world.call, name)
            await anyio.wait_all_tasks_blocked()
        world.queue.hold()
        tasks.start_soon(wait, "rest")
        tasks.start_soon(wait, "none")
        await world.finish("a1")
        assert ended == ["rest"]
        world.queue.open(ScriptedConnection())
        await anyio.wait_all_tasks_blocked()
        await world.finish("a2")
    assert ended == ["rest", "none"]


async def test_with_nothing_open_nobody_waits_for_none() -> None:
    with anyio.fail_after(5):
        await World().queue.none()
        await World().queue.rest()
