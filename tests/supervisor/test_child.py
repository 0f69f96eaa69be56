"""The driver of one child, over scripted connections."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import anyio
import msgspec
import pytest

from gateway.clock import Clock, SystemClock
from gateway.errors import ChildGone, ServerNotReady, SpawnFailed
from gateway.model import HealthPolicy, RestartPolicy, ServerSpec
from gateway.supervisor.causes import Cause
from gateway.supervisor.child import Child
from gateway.supervisor.lifecycle import State
from gateway.supervisor.ports import Gone
from tests.supervisor.running import Heard, spec
from tests.supervisor.scripted import ScriptedConnection

SLOW = RestartPolicy(restart_sec=600, restart_max_delay_sec=600)


class World:
    """A child whose connections come from a list."""

    def __init__(
        self,
        *connections: ScriptedConnection,
        wanted: ServerSpec | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.left = list(connections)
        self.hooks: dict[str, Any] = {}
        self.used: list[ScriptedConnection] = []
        self.probes: list[bool] = []
        self.heard = Heard()
        self.child = Child(
            wanted or spec("s"),
            "",
            clock=clock or SystemClock(),
            publish=self.heard,
            rng=random.Random(1),
            connect=self.connect,
            starting=anyio.CapacityLimiter(1),
        )

    def connect(self, _spec: ServerSpec, *, probe: bool, **hooks: object) -> ScriptedConnection:
        self.probes.append(probe)
        self.hooks = hooks
        self.used.append(self.left.pop(0) if len(self.left) > 1 else self.left[0])
        return self.used[-1]


@asynccontextmanager
async def living(
    *connections: ScriptedConnection,
    wanted: ServerSpec | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[World]:
    world = World(*connections, wanted=wanted, clock=clock)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.child.run)
        world.child.start()
        yield world
        tasks.cancel_scope.cancel()


async def test_it_becomes_ready_and_hands_out_an_upstream() -> None:
    async with living(ScriptedConnection()) as world:
        upstream = await world.child.upstream()
        assert await upstream.request("ping", b"{}") == b"{}"
        assert world.child.pid == 4711
        assert world.child.uptime_s is not None


async def test_a_dead_one_comes_back_with_the_reason_kept() -> None:
    first, second = ScriptedConnection(), ScriptedConnection()
    async with living(first, second) as world:
        await world.heard.state("s", "ready")
        first.die("killed by SIGKILL")
        await world.heard.state("s", "ready", times=2)
        assert world.child.last_exit is not None
        assert world.child.last_exit.gone.signal == "SIGKILL"
        assert world.child.starts == 2
        assert first.closed.is_set()


async def test_waiting_in_back_off_says_when_it_comes_back() -> None:
    first = ScriptedConnection()
    async with living(first, wanted=spec("s", restart=SLOW)) as world:
        await world.heard.state("s", "ready")
        first.die()
        await world.heard.state("s", "backoff")
        with pytest.raises(ServerNotReady) as caught:
            await world.child.upstream()
        assert caught.value.state == "backoff"
        assert 590 < (caught.value.retry_after_s or 0) <= 750


@pytest.mark.parametrize(("restart", "retry_s"), [("always", 610.0), ("no", None)])
async def test_one_that_is_being_ended_says_when_it_comes_back_if_it_does(restart: str, retry_s: float | None) -> None:
    first = ScriptedConnection()
    policy = msgspec.structs.replace(SLOW, restart=restart)
    health = HealthPolicy(stop_timeout_sec=10.0)
    async with living(first, wanted=spec("s", restart=policy, health=health)) as world:
        await world.heard.state("s", "ready")
        world.child.end(Cause.HANG, "no answer to ping")
        assert world.child.state == "stopping"
        with pytest.raises(ServerNotReady) as caught:
            await world.child.upstream()
        assert caught.value.retry_after_s == retry_s


async def test_one_that_ended_badly_and_is_not_wanted_back_is_failed_and_never_tried_again() -> None:
    first = ScriptedConnection()
    async with living(first, wanted=spec("s", restart=RestartPolicy(restart="no"))) as world:
        await world.heard.state("s", "ready")
        first.die()
        failed = await world.heard.state("s", "failed")
        assert (failed.next_retry_s, "restart = no" in failed.reason) == (None, True)


async def test_starting_by_hand_cuts_the_back_off_short() -> None:
    first, second = ScriptedConnection(), ScriptedConnection()
    async with living(first, second, wanted=spec("s", restart=SLOW)) as world:
        await world.heard.state("s", "ready")
        first.die()
        await world.heard.state("s", "backoff")
        world.child.start()
        await world.heard.state("s", "ready", times=2)
        assert world.child.next_retry_s is None


async def test_one_that_died_at_the_handshake_is_met_the_other_way_the_next_time() -> None:
    shy, fine = ScriptedConnection(), ScriptedConnection()
    shy.opening = ChildGone("s", reason="exited with status 1")
    async with living(shy, fine) as world:
        await world.heard.state("s", "ready")
        assert world.probes == [True, False]


async def test_what_cannot_be_started_fails_at_once_with_the_fix() -> None:
    broken = ScriptedConnection()
    broken.opening = SpawnFailed("s", "s cannot start", fix="Install it.")
    async with living(broken) as world:
        failed = await world.heard.state("s", "failed")
        assert failed.reason == "s cannot start. Install it."
        assert world.child.starts == 1


async def test_a_bug_of_ours_is_contained_and_told() -> None:
    class Broken(ScriptedConnection):
        """Raises what nobody expects."""

        async def open(self) -> None:  # type: ignore[override]
            raise ZeroDivisionError

    async with living(Broken(), ScriptedConnection()) as world:
        backoff = await world.heard.state("s", "backoff")
        assert "internal error (ZeroDivisionError)" in backoff.reason
        await world.heard.state("s", "ready")


async def test_stopping_while_it_starts_is_quick() -> None:
    slow = ScriptedConnection()
    slow.open = anyio.sleep_forever  # type: ignore[method-assign,assignment]
    async with living(slow) as world:
        await world.heard.state("s", "starting")
        world.child.stop()
        with anyio.fail_after(5):
            await world.child.settled()
        assert world.child.state is State.STOPPED


async def test_a_restart_waits_for_the_old_one_to_end() -> None:
    first, second = ScriptedConnection(), ScriptedConnection()
    async with living(first, second) as world:
        await world.heard.state("s", "ready")
        world.child.restart()
        await world.child.upstream()
        assert first.closed.is_set()
        assert list(world.heard.states("s")) == ["starting", "ready", "stopping", "stopped"]


async def test_a_caller_waits_a_little_for_a_starting_one_but_not_for_ever() -> None:
    slow = ScriptedConnection()
    slow.open = anyio.sleep_forever  # type: ignore[method-assign,assignment]
    async with living(slow) as world:
        with pytest.raises(ServerNotReady) as caught:
            await world.child.upstream(wait_s=0.02)
        assert (caught.value.state, caught.value.retry_after_s) == ("starting", 1.0)


async def test_a_clean_end_is_respected_where_only_failures_are_restarted() -> None:
    first = ScriptedConnection()
    async with living(first, wanted=spec("s", restart=RestartPolicy(restart="on-failure"))) as world:
        await world.heard.state("s", "ready")
        first.gone.set()
        stopped = await world.heard.state("s", "stopped")
        assert "restart = on-failure" in stopped.reason


@pytest.mark.parametrize("order", ["start", "restart", "start stop start", "stop", "restart stop"])
async def test_whoever_waits_for_a_stop_is_told_also_when_others_ask_for_something_else_meanwhile(order: str) -> None:
    connections = [ScriptedConnection() for _ in range(3)]
    async with living(*connections) as world:
        await world.heard.state("s", "ready")
        world.child.stop()
        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                for _ in range(20):
                    tasks.start_soon(world.child.settled)
                await anyio.wait_all_tasks_blocked()
                for word in order.split():
                    getattr(world.child, word)()
                    tasks.start_soon(world.child.settled)
        assert connections[0].closed.is_set()
        if order.endswith("start"):
            await world.heard.state("s", "ready", times=2)
        assert world.child.state is (State.READY if order.endswith("start") else State.STOPPED)


@pytest.mark.parametrize(
    ("word", "policy", "reason", "comes_back"),
    [
        ("stop", "always", "stopped by request", False),
        ("restart", "always", "restarted by request", True),
        ("restart", "no", "restarted by request", True),
        ("die", "always", "killed by SIGKILL", True),
        ("die", "no", "killed by SIGKILL", False),
        ("die", "on-failure", "killed by SIGKILL", None),
    ],
)
async def test_an_open_call_is_told_why_its_server_ended_and_whether_it_comes_back(
    word: str, policy: Literal["always", "no", "on-failure"], reason: str, comes_back: bool | None
) -> None:
    first = ScriptedConnection(**{"tools/call": []})
    ended: list[ChildGone] = []
    restart = RestartPolicy(restart=policy, restart_sec=600, restart_max_delay_sec=600)

    async with living(first, ScriptedConnection(), wanted=spec("s", restart=restart)) as world:

        async def ask() -> None:
            upstream = await world.child.upstream()
            with pytest.raises(ChildGone) as caught:
                await upstream.request("tools/call", b"{}")
            ended.append(caught.value)

        async def close(*, grace_s: float) -> Gone:
            first.die("exited with status 0")  # a process ends when its stdin is closed
            await anyio.wait_all_tasks_blocked()
            return first.ended

        if word != "die":
            first.close = close  # type: ignore[method-assign]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            (first.die if word == "die" else getattr(world.child, word))()
    (gone,) = ended
    assert gone.reason.startswith(reason)
    assert gone.comes_back is comes_back


async def test_one_that_another_serves_for_does_not_say_that_it_stays_away() -> None:
    first = ScriptedConnection(**{"tools/call": []})
    ended: list[ChildGone] = []
    async with living(first) as world, anyio.create_task_group() as tasks:

        async def ask() -> None:
            upstream = await world.child.upstream()
            with pytest.raises(ChildGone) as caught:
                await upstream.request("tools/call", b"{}")
            ended.append(caught.value)

        tasks.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        world.child.is_relieved = True
        world.child.end(Cause.STOPPED, "another release took over")
    assert [(one.reason, one.comes_back) for one in ended] == [("another release took over", None)]


async def test_the_reason_of_an_end_is_not_lost_when_its_task_is_cancelled_too() -> None:
    async with living(ScriptedConnection()) as world:
        await world.heard.state("s", "ready")
        world.child.stop("its session ended")
    assert world.child.reason == "its session ended"
