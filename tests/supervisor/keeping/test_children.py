"""The set of children and the order of their ends, over scripted connections."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskGroup

from gateway.clock import SystemClock
from gateway.facts import Fact, Publish, StateChanged
from gateway.model import ServerName, ServerSpec
from gateway.supervisor.causes import Cause
from gateway.supervisor.child import Child
from gateway.supervisor.keeping.children import ENDING, Children
from gateway.supervisor.lifecycle import State
from tests.supervisor.running import Heard, spec
from tests.supervisor.scripted import ScriptedConnection


class World:
    """A set whose children talk to scripted connections, and all that is heard of them."""

    def __init__(self) -> None:
        self.heard = Heard()
        self.told: list[tuple[str, str]] = []  # what the set itself hears: name and state, of everybody
        self.children = Children(self.make, self.note)
        self.ending = anyio.Event()

    def make(self, wanted: ServerSpec, instance: str, publish: Publish) -> Child:
        return Child(
            wanted,
            instance,
            clock=SystemClock(),
            publish=publish,
            rng=random.Random(1),
            connect=lambda *_, **__: ScriptedConnection(),
            starting=anyio.CapacityLimiter(10),
        )

    def note(self, child: Child, fact: Fact) -> None:
        if isinstance(fact, StateChanged):
            self.told.append((child.spec.name, fact.state))

    def add(self, name: str, instance: str = "") -> Child:
        child = self.children.new(spec(name), instance, self.heard)
        child.start()
        self.children.put(child)
        return child

    def in_state(self, state: str) -> list[str]:
        return [name for name, told in self.told if told == state]


@asynccontextmanager
async def kept() -> AsyncIterator[tuple[World, TaskGroup]]:
    world = World()
    async with anyio.create_task_group() as tasks:
        await tasks.start(world.children.run, world.ending)
        yield world, tasks
        world.ending.set()


async def test_they_are_told_to_stop_in_the_reverse_order_of_their_starts() -> None:
    async with kept() as (world, _):
        for name in "abc":
            world.add(name)
            await world.heard.state(name, "ready")
        world.children.of(ServerName("a"))[0].restart()
        await world.heard.state("a", "ready", times=2)
    assert world.in_state("stopping")[1:] == ["a", "c", "b"]
    assert {fact.reason for fact in world.heard.states("b")["stopping"]} == {ENDING}


async def test_a_cancelled_owner_ends_them_in_order_too() -> None:
    world = World()

    async def own() -> None:
        async with anyio.create_task_group() as tasks:
            try:
                await tasks.start(world.children.run, world.ending)
                await anyio.sleep_forever()
            finally:
                world.ending.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(own)
        await anyio.wait_all_tasks_blocked()
        for name in "abcdef":
            world.add(name)
            await world.heard.state(name, "ready")
        tasks.cancel_scope.cancel()
    assert world.in_state("stopping") == list("fedcba")
    assert sorted(world.in_state("stopped")) == list("abcdef")


async def test_those_that_come_before_it_runs_are_kept_from_then_on() -> None:
    world = World()
    world.add("early")
    async with anyio.create_task_group() as tasks:
        await tasks.start(world.children.run, world.ending)
        await world.heard.state("early", "ready")
        world.ending.set()
    assert world.children.tasks is None


async def test_it_knows_who_serves_whom() -> None:
    async with kept() as (world, _):
        own, shared, other = world.add("a", "mine"), world.add("a"), world.add("b")
        assert world.children.get(ServerName("a")) is shared
        assert world.children.get(ServerName("a"), "mine") is own
        assert world.children.get(ServerName("c")) is None
        assert set(world.children.of(ServerName("a"))) == {shared, own}
        assert world.children.in_set() == [own, shared, other] == world.children.all()


async def test_a_dropped_child_is_gone_at_once_and_ends_for_the_given_cause() -> None:
    async with kept() as (world, _):
        child = world.add("a")
        await world.heard.state("a", "ready")
        world.children.drop(child, "no longer wanted", Cause.IDLE)
        assert world.children.all() == []
        await world.heard.state("a", "stopped")
        assert world.heard.exits("a")[0].cause == "idle"


async def test_one_that_is_dropped_before_its_task_began_never_starts() -> None:
    async with kept() as (world, _):
        world.children.drop(world.add("a"), "no longer wanted")
        await anyio.wait_all_tasks_blocked()
        assert world.told == []


async def test_one_beside_the_set_serves_nobody_and_its_end_is_not_heard() -> None:
    async with kept() as (world, _):
        child = world.children.new(spec("a"), "", world.heard)
        child.start()
        world.children.put_aside(child)
        await world.heard.state("a", "ready")
        assert world.children.in_set() == []
        assert world.children.all() == [child]
        world.children.drop(child, "not needed")
        await anyio.wait_all_tasks_blocked()
        assert world.in_state("stopped") == ["a"]
        assert "stopping" not in world.heard.states("a")


async def test_one_that_comes_into_the_set_from_beside_it_keeps_its_life() -> None:
    async with kept() as (world, _):
        child = world.children.new(spec("a"), "", world.heard)
        child.start()
        world.children.put_aside(child)
        await world.heard.state("a", "ready")
        child.instance = "mine"
        world.children.put(child)
        await anyio.wait_all_tasks_blocked()
        assert world.children.get(ServerName("a"), "mine") is child
        assert child.state is State.READY
        assert world.in_state("starting") == ["a"]
