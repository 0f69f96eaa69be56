"""The whole life of a real `Child` under any sequence of events, in virtual time: what must always hold of it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import anyio
import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.errors import CallTimeout, ChildGone, ServerBusy, ServerNotReady
from gateway.model import ResourceLimits, RestartPolicy
from gateway.supervisor.causes import Cause
from gateway.supervisor.lifecycle import State
from gateway.supervisor.ports import Gone
from tests.supervisor.fated import BAD_FATES, DEATHS, LADDER_S, NOISE_LIMIT, POLICIES, START_S, World
from tests.supervisor.virtual import VirtualLoop


class AnyLife(RuleBasedStateMachine):
    """Everything that may happen to a child, in any order and at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        self.outcomes: dict[int, str] = {}
        self.asked = 0
        self.answered_now: set[int] = set()
        self.ending = anyio.Event()

    def do(self, what: Coroutine[Any, Any, None]) -> None:
        self.loop.run_until_complete(what)

    async def settle(self) -> None:
        """Let everything happen that needs no time."""
        for _ in range(40):
            await asyncio.sleep(0)

    @initialize(policy=st.sampled_from(POLICIES), is_started=st.booleans())
    def begin(self, policy: RestartPolicy, is_started: bool) -> None:
        async def whole() -> None:
            async with anyio.create_task_group() as self.tasks:
                self.tasks.start_soon(self.world.child.run)
                await self.ending.wait()
                self.tasks.cancel_scope.cancel()

        async def make() -> None:
            self.world = World(self.loop, policy)
            self.host = self.loop.create_task(whole())
            if is_started:
                self.world.is_wanted = True
                self.world.child.start()
            await self.settle()

        self.do(make())

    # What people ask for.

    @rule(wishes=st.lists(st.sampled_from(["start", "start", "stop", "restart", "rest"]), min_size=1, max_size=3))
    def ask_for(self, wishes: list[str]) -> None:
        async def play() -> None:
            child = self.world.child
            self.world.is_asked, self.world.is_wanted = True, wishes[-1] in {"start", "restart"}
            for wish in wishes:
                if wish == "rest":
                    child.stop("nobody used it", Cause.IDLE)
                else:
                    {"start": child.start, "stop": child.stop, "restart": child.restart}[wish]()
            self.world.by_hand()
            await self.settle()
            self.world.is_asked = False

        self.do(play())

    @rule(policy=st.sampled_from(POLICIES))
    def adopt(self, policy: RestartPolicy) -> None:
        self.world.is_fuzzy = True
        self.do(self.adopting(restart=policy))

    @rule(runtime_s=st.sampled_from([None, 20.0, 20.0, 500.0]))
    def limit_the_runtime(self, runtime_s: float | None) -> None:
        self.world.limited_at = self.world.clock.now()
        self.do(self.adopting(limits=ResourceLimits(runtime_max_sec=runtime_s)))

    async def adopting(self, **changes: Any) -> None:
        self.world.spec = msgspec.structs.replace(self.world.spec, **changes)
        self.world.child.adopt(self.world.spec)
        await self.settle()

    @rule()
    def call(self) -> None:
        async def play() -> None:
            self.asked += 1
            self.tasks.start_soon(self.caller, self.asked)
            await self.settle()

        self.do(play())

    async def caller(self, number: int) -> None:
        try:
            upstream = await self.world.child.upstream()
            answer = await upstream.request("tools/call", msgspec.json.encode({"n": number}))
            outcome = "answered" if int(answer) == number else f"got the answer of {answer!r}"
        except (ChildGone, CallTimeout, ServerNotReady, ServerBusy) as exc:
            outcome = type(exc).__name__
        assert number not in self.outcomes
        self.outcomes[number] = outcome

    # What the server does.

    @rule(close_s=st.sampled_from([0.0, 0.05, LADDER_S]))
    def end_more_or_less_quickly_from_the_next_start_on(self, close_s: float) -> None:
        self.world.close_s = close_s

    @rule(fate=st.sampled_from(BAD_FATES), seconds=st.sampled_from([0.0, 0.1, 5.0, 61.0, 130.0]))
    def start_badly_for_a_while(self, fate: str, seconds: float) -> None:
        async def play() -> None:
            self.world.fate = fate
            if self.is_connected and self.world.child.state is State.READY:
                self.world.open[0].die()
            await anyio.sleep(seconds)
            await self.settle()
            self.world.fate = "fine" if seconds else fate

        self.do(play())

    @precondition(lambda self: self.is_connected)
    @rule(how=st.sampled_from(DEATHS))
    def die(self, how: Gone) -> None:
        async def play() -> None:
            connection = self.world.open[0]
            self.answered_now |= connection.asked_for
            connection.ended = how
            connection._lose(how.reason)
            await self.settle()

        self.do(play())

    @precondition(lambda self: self.is_connected)
    @rule(times=st.sampled_from([1, 3, 6, 10]), lived_s=st.sampled_from([0.1, 0.1, 130.0]))
    def die_again_and_again(self, times: int, lived_s: float) -> None:
        async def play() -> None:
            for _ in range(times):
                await anyio.sleep(lived_s)
                if self.is_connected:
                    self.world.open[0].die()
                await self.settle()
                if self.world.child.state is State.BACKOFF:
                    await anyio.sleep((self.world.child.next_retry_s or 0.0) + 0.1)

        self.do(play())

    @precondition(lambda self: self.is_connected)
    @rule(cause=st.sampled_from([Cause.OOM, Cause.TASKS, Cause.HANG, Cause.NOISE, Cause.LOST]), at_once=st.booleans())
    def end(self, cause: Cause, at_once: bool) -> None:
        async def play() -> None:
            if self.world.child.state in {State.STARTING, State.READY}:
                self.answered_now |= self.world.open[0].asked_for
            self.world.child.end(cause, f"{cause}: somebody says so", at_once=at_once)
            await self.settle()

        self.do(play())

    @precondition(lambda self: self.is_connected)
    @rule(lines=st.sampled_from([1, NOISE_LIMIT + 1]))
    def make_noise(self, lines: int) -> None:
        async def play() -> None:
            connection, was_alive = self.world.open[0], self.world.child.state in {State.STARTING, State.READY}
            for _ in range(lines):
                if not connection.gone.is_set():
                    self.world.hooks["on_noise"]()
            assert connection.gone.is_set() or lines <= NOISE_LIMIT or not was_alive
            await self.settle()

        self.do(play())

    @precondition(lambda self: self.is_connected)
    @rule()
    def hang(self) -> None:
        self.world.open[0].is_hung = True

    @precondition(lambda self: self.is_connected)
    @rule()
    def answer(self) -> None:
        async def play() -> None:
            self.world.open[0].answer_one()
            await self.settle()

        self.do(play())

    @rule(seconds=st.sampled_from([0.01, 0.2, 1.0, 10.0, 45.0, 130.0, 301.0, 700.0]))
    def time_passes(self, seconds: float) -> None:
        async def play() -> None:
            await anyio.sleep(seconds)
            await self.settle()

        self.do(play())

    @property
    def is_connected(self) -> bool:
        return bool(self.world.open) and not self.world.open[0].gone.is_set()

    # What must always hold.

    @invariant()
    def nothing_broke_on_the_way(self) -> None:
        assert self.world.problems == []
        assert not self.host.done()

    @invariant()
    def there_is_a_connection_exactly_where_there_may_be_one(self) -> None:
        child, world = self.world.child, self.world
        assert len(world.open) <= 1
        assert child.state is world.state
        if child.state is State.READY:
            assert self.is_connected
            assert child.pid is not None
            assert child.uptime_s is not None
        else:
            assert child.uptime_s is None
        if child.state in {State.STOPPED, State.BACKOFF, State.FAILED}:
            assert world.open == []
            assert child.pid is None

    @invariant()
    def it_waits_for_something_exactly_while_it_is_down_against_our_will(self) -> None:
        child = self.world.child
        if child.state is State.BACKOFF:
            assert child.next_retry_s is not None
            assert self.world.is_fuzzy or child.next_retry_s <= self.world.spec.restart.restart_max_delay_sec * 1.25
        elif child.state is State.FAILED:
            assert child.next_retry_s is not None or "restart = no" in child.reason
        else:
            assert child.next_retry_s is None

    @invariant()
    def nothing_is_left_of_a_stopped_one(self) -> None:
        child = self.world.child
        if child.state is State.STOPPED:
            assert not child._wanted
            assert not child._again
            assert not child.is_draining
            assert child.in_flight.count == 0

    @invariant()
    def what_people_asked_for_last_is_what_happens(self) -> None:
        child = self.world.child
        if not self.world.is_wanted:
            assert child.state in {State.STOPPED, State.STOPPING}
        elif child.state is State.STOPPED:
            assert "restart = on-failure" in child.reason or "restart = no" in child.reason

    @invariant()
    def no_step_takes_for_ever(self) -> None:
        lasted_s = self.world.clock.now() - self.world.entered
        if self.world.child.state is State.STARTING:
            assert lasted_s <= START_S + 1
        elif self.world.child.state is State.STOPPING:
            assert lasted_s <= LADDER_S + 1

    @invariant()
    def the_start_limit_holds(self) -> None:
        assert self.world.is_fuzzy or self.world.recent <= self.world.spec.restart.start_limit_burst

    @invariant()
    def no_life_is_longer_than_it_may_be_and_the_last_calls_are_old_ones(self) -> None:
        world, child = self.world, self.world.child
        limit_s = world.spec.limits.runtime_max_sec
        if child.state is State.READY and limit_s is not None:
            since = max(world.limited_at, world.entered)
            assert world.clock.now() - since <= limit_s + world.spec.call.max_timeout_sec + 1
        if child.is_draining:
            assert world.open[0].asked_for <= world.drained

    @invariant()
    def every_start_but_the_first_has_its_exit(self) -> None:
        child, exits = self.world.child, self.world.exits
        assert child.starts - len(exits) == len(self.world.open)
        again = [exit_ for exit_ in exits[: max(0, child.starts - 1)] if exit_.cause != "idle"]
        assert sum(child.deaths.restarts.values()) == len(again)
        if exits:
            assert child.last_exit is not None
            assert (child.last_exit.gone.reason, child.last_exit.gone.cause) == (exits[-1].reason, exits[-1].cause)

    @invariant()
    def whoever_was_in_flight_at_an_end_was_told_at_once(self) -> None:
        assert self.answered_now <= set(self.outcomes)
        assert set(self.outcomes.values()) <= {
            "answered", "ChildGone", "CallTimeout", "ServerNotReady", "ServerBusy"
        }  # fmt: skip

    def teardown(self) -> None:
        if not hasattr(self, "host"):
            return

        async def finish() -> None:
            self.world.child.stop()
            await anyio.sleep(1000)
            self.ending.set()
            await self.host

        try:
            if not self.host.done():
                self.do(finish())
            assert self.world.child.state is State.STOPPED
            assert self.world.open == []
            assert set(self.outcomes) == set(range(1, self.asked + 1))
            assert asyncio.all_tasks(self.loop) == set()
        finally:
            self.loop.close()


test_any_life = pytest.mark.timeout(120)(AnyLife.TestCase)
test_any_life.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, derandomize=True, print_blob=False
)
