"""One child relieves another: the parts; the whole is in tests/supervisor/test_hand_over.py."""

from __future__ import annotations

import anyio
import pytest

from gateway.errors import HandshakeFailed
from gateway.supervisor.keeping.standing_aside import bring_up_beside, came_up, relieve
from gateway.supervisor.lifecycle import State
from tests.supervisor.keeping.test_children import World, kept
from tests.supervisor.running import spec

READY_S = 20.0


async def test_the_new_one_comes_up_unheard_and_takes_the_place() -> None:
    async with kept() as (world, _):
        old = world.add("a")
        await came_up(old, READY_S)
        new = await bring_up_beside(world.children, old, spec("a", description="new"), world.heard, READY_S)
        assert world.children.get(old.spec.name) is old
        assert len(world.heard.states("a")["ready"]) == 1
        assert relieve(world.children, old, new, 0.0)
        assert world.children.get(old.spec.name) is new
        assert len(world.heard.states("a")["ready"]) == 2
        await old.settled()
        await anyio.wait_all_tasks_blocked()
        assert world.children.all() == [new]
        assert "stopped" not in world.heard.states("a")


async def test_a_server_that_was_forgotten_meanwhile_is_not_relieved() -> None:
    async with kept() as (world, _):
        old = world.add("a")
        await came_up(old, READY_S)
        new = await bring_up_beside(world.children, old, spec("a"), world.heard, READY_S)
        world.children.drop(old, "no longer wanted")
        assert not relieve(world.children, old, new, 0.0)
        await new.settled()
        assert world.children.all() == []


async def test_one_that_is_not_ready_in_time_says_why_and_leaves_nothing() -> None:
    async with kept() as (world, _):
        old = world.add("a")
        await came_up(old, READY_S)
        with pytest.raises(HandshakeFailed, match="did not become ready"):
            await bring_up_beside(world.children, old, spec("a"), world.heard, 0.0)
        await anyio.wait_all_tasks_blocked()
        assert world.children.all() == [old]
        assert old.state is State.READY


async def test_waiting_for_one_that_nobody_wants_is_over_at_once() -> None:
    world = World()
    child = world.children.new(spec("a"), "", world.heard)
    with pytest.raises(HandshakeFailed, match="not started yet"):
        await came_up(child, READY_S)
