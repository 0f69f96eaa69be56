"""A real `Supervisor` under any sequence of what people, callers and servers do, in virtual time: what always holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.model import ServerName, SessionScope
from gateway.supervisor.lifecycle import State
from tests.supervisor.fated import LADDER_S, POLICIES, START_S
from tests.supervisor.fated_set import NAMES, SESSIONS, STARTS, SetWorld, version
from tests.supervisor.virtual import VirtualLoop

SHARED = [name for name in NAMES if SESSIONS[name] is SessionScope.SHARED]
FATES = ("fine", "slow", "never", "dies", "cannot", "cannot now", "dies young")
ERRORS = {"ChildGone", "CallTimeout", "ServerNotReady", "ServerBusy"}
ORDERS = ("stop", "start", "restart", "remove", "stop start", "stop restart", "stop stop start")
LONG_S = 1000.0

names = st.sampled_from(NAMES)
numbers = st.integers(1, 3)
starts = st.integers(0, len(STARTS) - 1)
policies = st.integers(0, len(POLICIES) - 1)
breaths = st.sampled_from([0, 1, 3, 40])
"""How far the others come before the next thing happens; 40: as far as they can without time."""


class AnySet(RuleBasedStateMachine):
    """Everything that may happen to a set of servers, in any order and at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        self.jobs: list[asyncio.Task[None]] = []

    def do(self, *jobs: Callable[[], Coroutine[Any, Any, None]], breath: int = 40) -> None:
        """Let these begin one after the other, each in a task of its own."""

        async def play() -> None:
            for job in jobs:
                self.jobs.append(self.loop.create_task(job()))
                await asyncio.sleep(0)
                await self.breathe(breath)
            await self.breathe()

        self.loop.run_until_complete(play())

    async def breathe(self, times: int = 40) -> None:
        for _ in range(times):
            await asyncio.sleep(0)

    def wait(self, seconds: float) -> None:
        async def play() -> None:
            await anyio.sleep(seconds)
            await self.breathe()

        self.loop.run_until_complete(play())

    @initialize(kinds=st.tuples(starts, starts, starts), ends_at_once=st.booleans())
    def begin(self, kinds: tuple[int, ...], ends_at_once: bool) -> None:
        self.ends_at_once = ends_at_once

        async def whole() -> None:
            with anyio.CancelScope() as self.scope:
                await self.world.supervisor.run()

        async def make() -> None:
            self.world = SetWorld(self.loop)
            self.host = self.loop.create_task(whole())
            await self.breathe()

        self.loop.run_until_complete(make())
        first = [version(name, 0, start=kind) for name, kind in zip(NAMES, kinds, strict=True)]
        self.do(lambda: self.world.apply(*first))

    # What people ask for.

    @rule(
        name=names,
        wishes=st.lists(
            st.sampled_from(["start", "stop", "restart", "remove", "new", "policy", "hand over", "call", "die"]),
            min_size=1,
            max_size=3,
        ),
        number=numbers,
        breath=breaths,
    )
    def ask_for_several_things(self, name: ServerName, wishes: list[str], number: int, breath: int) -> None:
        self.do(*(self.wish(name, wish, number + at) for at, wish in enumerate(wishes)), breath=breath)

    def wish(self, name: ServerName, wish: str, number: int) -> Callable[[], Coroutine[Any, Any, None]]:
        async def ask() -> None:
            if wish in {"remove", "new", "call", "die"} or name in self.world.wanted:
                await self.world.wishes[wish](name, number)

        return ask

    @rule(name=names, wishes=st.sampled_from(ORDERS), seconds=st.sampled_from([0, 1.0, 7.0]))
    def order(self, name: ServerName, wishes: str, seconds: float) -> None:
        self.do(*(self.wish(name, wish, 0) for wish in wishes.split()), breath=1)
        self.wait(seconds)

    @rule(
        name=st.sampled_from(SHARED),
        wish=st.sampled_from(["stop", "restart", "new", "remove", "call", "hand over", "die"]),
    )
    def something_comes_in_between_while_one_release_takes_over(self, name: ServerName, wish: str) -> None:
        self.do(self.wish(name, "new", 1), self.wish(name, "start", 1))
        self.wait(1.0)
        self.do(self.wish(name, "hand over", 2), self.wish(name, wish, 3), breath=3)

    @rule(name=names, number=numbers, start=starts, policy=policies)
    def apply(self, name: ServerName, number: int, start: int, policy: int) -> None:
        self.do(lambda: self.world.apply(version(name, number, start=start, policy=policy)))

    @rule(name=names, number=numbers, start=starts, ready_s=st.sampled_from([0.005, 5.0, 90.0]))
    def hand_over(self, name: ServerName, number: int, start: int, ready_s: float) -> None:
        if name in self.world.wanted:
            self.do(lambda: self.world.hand_over(version(name, number, start=start), ready_s))

    @rule(name=names)
    def expect_a_call(self, name: ServerName) -> None:
        async def expect() -> None:
            self.world.supervisor.prestart(name)

        self.do(expect)

    @rule(timeout_s=st.sampled_from([0.0, 5.0, 50.0]))
    def drain(self, timeout_s: float) -> None:
        self.do(lambda: self.world.drain(timeout_s))

    # What callers do.

    @rule(name=names, instance=st.sampled_from(["", "x", "y"]), times=st.integers(1, 3))
    def call(self, name: ServerName, instance: str, times: int) -> None:
        self.do(*[lambda: self.world.call(name, instance)] * times, breath=3)

    @rule(instance=st.sampled_from(["x", "y"]))
    def leave(self, instance: str) -> None:
        self.do(lambda: self.world.supervisor.release(instance))

    # What servers do.

    @rule(fate=st.sampled_from(FATES), seconds=st.sampled_from([None, 5.0, 61.0, 130.0]))
    def start_otherwise(self, fate: str, seconds: float | None) -> None:
        self.world.fate = fate
        if seconds is not None:
            self.wait(seconds)
            self.world.fate = "fine"

    @rule(close_s=st.sampled_from([0.0, 0.05, LADDER_S]))
    def end_more_or_less_quickly_from_the_next_start_on(self, close_s: float) -> None:
        self.world.close_s = close_s

    @rule(which=st.integers(0, 9))
    def die(self, which: int) -> None:
        if self.world.open:
            self.world.open[which % len(self.world.open)].die()
            self.wait(0)

    @rule(times=st.integers(1, 4))
    def answer(self, times: int) -> None:
        for link in self.world.open * times:
            link.answer_one()
        self.wait(0)

    @rule(seconds=st.sampled_from([0.005, 0.02, 1.0, 6.5, 31.0, 61.0, 301.0]))
    def time_passes(self, seconds: float) -> None:
        self.wait(seconds)

    # What must always hold.

    @invariant()
    def nothing_broke_on_the_way(self) -> None:
        assert self.world.problems == [], self.world.problems
        assert not self.host.done()
        for job in [job for job in self.jobs if job.done()]:
            self.jobs.remove(job)
            job.result()
        assert {*self.world.outcomes.values()} <= {"answered"} | ERRORS

    @invariant()
    def whatever_was_asked_ends_in_time(self) -> None:
        assert self.world.overdue() == []

    @invariant()
    def a_shared_server_has_one_connection_but_while_one_release_takes_over(self) -> None:
        for name in SHARED:
            assert len(self.world.links(name)) <= 1 + self.world.is_excused(name), name

    @invariant()
    def who_was_stopped_by_hand_does_not_run(self) -> None:
        world = self.world
        assert world.supervisor._held == world.held
        for name in world.held:
            states = {child.state for child in world.supervisor._children.of(name)}
            assert states <= {State.STOPPED, State.STOPPING}, name
            if not world.is_being("stop", name):
                assert states == {State.STOPPED}
                assert world.links(name) == []

    @invariant()
    def what_runs_is_the_newest_that_was_asked_for(self) -> None:
        world, children = self.world, self.world.supervisor._children
        assert world.supervisor.specs == world.wanted
        for child in children.in_set():
            assert child.spec == world.wanted[child.spec.name]
            for link in world.open:
                if link.ring is child.stderr and child.state in {State.STARTING, State.READY}:
                    assert link.launched.launch == child.spec.launch

    @invariant()
    def nobody_stands_beside_the_set_without_a_reason(self) -> None:
        children = self.world.supervisor._children
        beside = [child for child in children.all() if child not in children.in_set()]
        for name in SHARED:
            assert sum(child.spec.name == name for child in beside) <= self.world.is_excused(name)
        if not any(one.ended is None for one in self.world.asked):
            assert children.heirs == {}

    @invariant()
    def its_status_is_true(self) -> None:
        world = self.world
        rows = world.supervisor.status()
        assert [row["name"] for row in rows] == sorted(world.wanted)
        for row in rows:
            name, state = row["name"], row["state"]
            assert not row["resting"] or name not in world.held
            if name in SHARED:
                self.row_is_true(row)
            else:  # its row speaks for its callers' own ones and its spares as well
                states = {child.state for child in world.supervisor._children.all() if child.spec.name == name}
                assert state in states

    def row_is_true(self, row: dict[str, Any]) -> None:
        child = self.world.supervisor._children.get(row["name"])
        assert child is not None
        links, state = [link for link in self.world.open if link.ring is child.stderr], row["state"]
        if state == State.READY:
            assert [link.pid for link in links if not link.gone.is_set()] == [row["pid"]]
        elif state in {State.STOPPED, State.BACKOFF, State.FAILED}:
            assert (links, row["pid"], row["uptime_s"]) == ([], None, None)
        assert not row["resting"] or state in {State.STOPPED, State.STOPPING}
        assert row["resting"] == (row["name"] in self.world.supervisor.resting())
        assert row["callable"] == (row["resting"] or state == State.READY)
        assert row["next_retry_s"] is None or state in {State.BACKOFF, State.FAILED}

    # How it ends.

    def teardown(self) -> None:
        if not hasattr(self, "host"):
            return
        try:
            if not self.ends_at_once:
                self.all_comes_to_rest_and_serves_again()
            self.do(*(self.wish(name, "call", 1) for name in NAMES), self.wish(NAMES[0], "hand over", 4), breath=1)
            self.do(self.wish(NAMES[1], "stop", 1), breath=0)
            self.everything_ends()
        finally:
            self.loop.close()

    def all_comes_to_rest_and_serves_again(self) -> None:
        """Whatever has happened: started by hand, each server answers again."""
        self.world.fate, self.world.close_s = "fine", 0.05
        self.do(*(self.wish(name, "new", 5) for name in NAMES))
        self.wait(LONG_S)
        self.do(*(self.wish(name, "start", 5) for name in NAMES))
        self.wait(START_S)
        before = self.world.calls
        self.do(*(self.wish(name, "call", 1) for name in NAMES))
        self.wait(5)
        self.answer(99)
        outcomes = [self.world.outcomes.get(number) for number in range(before + 1, self.world.calls + 1)]
        assert outcomes == ["answered"] * len(NAMES), outcomes

    def everything_ends(self) -> None:
        async def play() -> None:
            self.scope.cancel()

        self.loop.run_until_complete(play())
        self.wait(LADDER_S + 1)
        assert self.host.done()
        self.host.result()
        assert self.world.open == []
        self.wait(0)
        for job in self.jobs:
            assert job.done(), [one for one in self.world.asked if one.ended is None]
            job.result()
        assert set(self.world.outcomes) == set(range(1, self.world.calls + 1))
        assert self.world.problems == [], self.world.problems
        assert asyncio.all_tasks(self.loop) == set()


# Sequences that once went wrong, each without time passing between its steps.


def play(name: ServerName, *wishes: str, is_over_after_s: float) -> None:
    """Ask for these things of one of the servers of a set that serves; what must hold is looked at after each."""
    machine = AnySet()
    machine.begin(kinds=(0, 0, 4), ends_at_once=False)
    machine.wait(1)
    try:
        for number, wish in enumerate(wishes, 1):
            machine.do(machine.wish(name, wish, number))
            look(machine)
        machine.wait(is_over_after_s)
        look(machine)
    finally:
        machine.teardown()


def look(machine: AnySet) -> None:
    machine.nothing_broke_on_the_way()
    machine.who_was_stopped_by_hand_does_not_run()
    machine.what_runs_is_the_newest_that_was_asked_for()
    machine.its_status_is_true()


def test_a_release_that_was_on_its_way_does_not_overrun_a_newer_one_when_the_server_died_meanwhile() -> None:
    play(NAMES[0], "hand over", "die", "hand over", is_over_after_s=5)


def test_a_stop_also_waits_for_the_release_that_was_relieved() -> None:
    machine = AnySet()
    machine.begin(kinds=(0, 0, 0), ends_at_once=True)
    machine.wait(1)
    machine.do(machine.wish(NAMES[0], "call", 1), machine.wish(NAMES[0], "hand over", 1))
    machine.wait(1)  # the old release still works on the call
    assert len(machine.world.links(NAMES[0])) == 2
    machine.do(machine.wish(NAMES[0], "stop", 1))
    machine.wait(1)
    look(machine)
    assert machine.world.outcomes == {1: "ChildGone"}
    machine.teardown()


def test_a_stop_comes_back_when_somebody_starts_the_server_meanwhile() -> None:
    machine = AnySet()
    machine.begin(kinds=(0, 0, 0), ends_at_once=True)
    machine.wait(1)
    machine.do(machine.wish(NAMES[0], "stop", 1), machine.wish(NAMES[0], "start", 1), breath=1)
    machine.wait(2 * LADDER_S)
    machine.whatever_was_asked_ends_in_time()
    look(machine)
    assert machine.world.supervisor.states()["a"] == "ready"
    machine.teardown()


def test_a_stop_also_waits_for_spares() -> None:
    play(NAMES[2], "stop", is_over_after_s=1)


test_any_set = pytest.mark.timeout(120)(AnySet.TestCase)
test_any_set.settings = settings(
    max_examples=100, stateful_step_count=30, deadline=None, derandomize=True, print_blob=False
)
