"""RuntimeMaxSec: a life of limited length, and no call lost at its end. In virtual time."""

from __future__ import annotations

import anyio
import msgspec
import pytest

from gateway.errors import ChildGone, ServerBusy
from gateway.model import CallPolicy, ResourceLimits, RestartPolicy, ServerSpec
from gateway.supervisor.lifecycle import State
from gateway.supervisor.runtime import Runtime
from tests.supervisor.running import spec
from tests.supervisor.scripted import ScriptedConnection
from tests.supervisor.test_child import World, living
from tests.supervisor.virtual import LoopClock, run_virtually

HOUR_S = 3600.0


def limited(seconds: float | None = HOUR_S, **call: float) -> ServerSpec:
    made = spec("s", restart=RestartPolicy(), call=CallPolicy(**call))  # type: ignore[arg-type]
    return msgspec.structs.replace(made, limits=ResourceLimits(runtime_max_sec=seconds))


def calling() -> ScriptedConnection:
    return ScriptedConnection(**{"tools/call": []})


async def ask(world: World, answers: list[str]) -> None:
    upstream = await world.child.upstream()
    answers.append((await upstream.request("tools/call", b"{}")).decode())


def test_an_idle_one_is_started_anew_without_a_failure() -> None:
    async def play(clock: LoopClock) -> None:
        first, second = calling(), calling()
        async with living(first, second, wanted=limited(), clock=clock) as world:
            await world.child.upstream()
            await anyio.sleep(HOUR_S - 60)
            assert world.child.starts == 1
            await anyio.sleep(120)
            assert (world.child.starts, world.child.state) == (2, State.READY)
            assert first.closed.is_set()
            assert list(world.heard.states("s")) == ["starting", "ready", "stopping"]
            (exit_,) = world.heard.exits("s")
            assert (exit_.cause, exit_.was_wanted) == ("runtime", True)
            assert exit_.uptime_s is not None
            assert HOUR_S <= exit_.uptime_s < HOUR_S + 1
            assert world.child.deaths.restarts == {"runtime": 1}

    run_virtually(play)


def test_planned_restarts_never_use_up_the_start_limit_or_grow_the_back_off() -> None:
    async def play(clock: LoopClock) -> None:
        async with living(calling(), wanted=limited(20.0), clock=clock) as world:
            connections = [calling() for _ in range(40)]
            world.left = [*connections, connections[-1]]
            await anyio.sleep(20.1 * 30)
            assert world.child.starts >= 30
            assert set(world.heard.states("s")) == {"starting", "ready", "stopping"}
            world.used[-1].die()
            await anyio.sleep(0.01)
            assert world.child.state is State.BACKOFF
            assert (world.child.next_retry_s or 9) <= 0.625

    run_virtually(play)


def test_open_calls_are_finished_and_new_ones_wait_for_the_next_life() -> None:
    async def play(clock: LoopClock) -> None:
        first, second = calling(), calling()
        answers: list[str] = []
        async with (
            living(first, second, wanted=limited(60.0), clock=clock) as world,
            anyio.create_task_group() as tasks,
        ):
            await world.child.upstream()
            await anyio.sleep(50)
            tasks.start_soon(ask, world, answers)
            await anyio.sleep(20)
            assert world.child.is_draining
            assert "RuntimeMaxSec" in world.child.reason
            tasks.start_soon(ask, world, answers)
            await anyio.sleep(20)
            assert (first.waiting, second.waiting) == (1, 0)
            first.answer("old")
            await anyio.sleep(1)
            assert answers == ['"old"']
            assert second.waiting == 1
            second.answer("new")
            await anyio.sleep(1)
            assert answers == ['"old"', '"new"']
            assert not world.child.is_draining

    run_virtually(play)


def test_the_wait_for_the_next_life_counts_and_is_bounded_as_any_wait_for_a_turn() -> None:
    async def play(clock: LoopClock) -> None:
        answers: list[str] = []
        refused: list[tuple[float, str]] = []

        async def ask_late(world: World, timeout_s: float) -> None:
            began = clock.now()
            upstream = await world.child.upstream()
            with pytest.raises(ServerBusy) as caught:
                await upstream.request("tools/call", b"{}", timeout_s=timeout_s)
            assert caught.value.retry_after_s >= 1
            refused.append((round(clock.now() - began), caught.value.reason))

        wanted = limited(60.0, queue_timeout_sec=30.0, max_queue=2)
        async with living(calling(), wanted=wanted, clock=clock) as world, anyio.create_task_group() as tasks:
            await world.child.upstream()
            tasks.start_soon(ask, world, answers)
            await anyio.sleep(65)
            assert world.child.is_draining
            tasks.start_soon(ask_late, world, 10.0)
            tasks.start_soon(ask_late, world, 100.0)
            await anyio.sleep(1)
            await ask_late(world, 100.0)
            await anyio.sleep(40)
            assert [seconds for seconds, _ in refused] == [0, 10, 30]
            assert "2 more wait" in refused[0][1]
            assert all("to be started anew" in reason for _, reason in refused[1:])
            world.used[0].answer("late")
            await anyio.sleep(1)
            assert answers == ['"late"']

    run_virtually(play)


def test_a_call_that_never_ends_holds_it_up_no_longer_than_a_call_may_take() -> None:
    async def play(clock: LoopClock) -> None:
        first, second = calling(), calling()
        wanted = limited(60.0, timeout_sec=10_000.0, max_timeout_sec=100.0)
        gone: list[str] = []

        async def ask_in_vain(world: World) -> None:
            upstream = await world.child.upstream()
            try:
                await world.used[0].ask("tools/call", b"{}", timeout_s=10_000)
            except ChildGone as exc:
                gone.append(exc.reason)
            assert upstream.server == "s"

        async with living(first, second, wanted=wanted, clock=clock) as world, anyio.create_task_group() as tasks:
            tasks.start_soon(ask_in_vain, world)
            tasks.start_soon(ask_for_ever, world)
            await anyio.sleep(150)
            assert world.child.starts == 1
            await anyio.sleep(20)
            assert world.child.starts == 2
            assert gone == ["runtime: RuntimeMaxSec has passed"]
            tasks.cancel_scope.cancel()

    async def ask_for_ever(world: World) -> None:
        world.child.traffic.queue.count += 1  # a call whose end is never told
        await anyio.sleep(1000)

    run_virtually(play)


def test_stopping_by_hand_in_the_middle_of_the_drain_wins() -> None:
    async def play(clock: LoopClock) -> None:
        answers: list[str] = []
        async with living(calling(), wanted=limited(60.0), clock=clock) as world:
            try:
                async with anyio.create_task_group() as tasks:
                    await world.child.upstream()
                    tasks.start_soon(ask, world, answers)
                    await anyio.sleep(70)
                    world.child.stop()
                    await world.child.settled()
                    tasks.cancel_scope.cancel()
            finally:
                assert world.child.state is State.STOPPED
            await anyio.sleep(1000)
            assert world.child.starts == 1
            assert world.heard.exits("s")[0].cause == "stopped"

    run_virtually(play)


def test_another_limit_holds_for_the_life_that_is() -> None:
    async def play(clock: LoopClock) -> None:
        async with living(calling(), calling(), wanted=limited(None), clock=clock) as world:
            await world.child.upstream()
            await anyio.sleep(500)
            world.child.adopt(limited(100.0))
            await anyio.sleep(1)
            assert world.child.starts == 2
            world.child.adopt(limited(None))
            await anyio.sleep(10_000)
            assert world.child.starts == 2

    run_virtually(play)


class Calls:
    """Calls that never end."""

    def __init__(self) -> None:
        self.held = 0

    def hold(self) -> None:
        self.held += 1

    async def rest(self) -> None:
        await anyio.sleep_forever()


def test_a_cancelled_one_neither_drains_nor_ends() -> None:
    async def play(_clock: LoopClock) -> None:
        calls, told = Calls(), list[str]()
        runtime = Runtime(calls, on_over=lambda: told.append("over"), on_drained=lambda: told.append("drained"))
        async with anyio.create_task_group() as tasks:
            runtime.limit(tasks, 10.0, 5.0)
            await anyio.sleep(5)
            runtime.cancel()
            await anyio.sleep(100)
            assert (told, calls.held) == ([], 0)
            runtime.limit(tasks, 10.0, 5.0)
            await anyio.sleep(12)
            assert (told, calls.held, runtime.is_over) == (["over"], 1, True)
            runtime.cancel()
            await anyio.sleep(100)
            assert (told, runtime.is_over) == (["over"], False)

    run_virtually(play)
