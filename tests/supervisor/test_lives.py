"""How one life after the other begins and ends, and what is told of each end."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from gateway.errors import ChildGone, HandshakeFailed, RpcError, SpawnFailed
from gateway.model import HealthPolicy
from gateway.supervisor.causes import Cause
from gateway.supervisor.lifecycle import State
from gateway.supervisor.ports import Gone
from gateway.supervisor.process import TransientSpawnFailure
from tests.supervisor.running import remote_spec, spec
from tests.supervisor.scripted import ScriptedConnection
from tests.supervisor.test_child import SLOW, living

WANTED = spec("s", restart=SLOW)


def calling() -> ScriptedConnection:
    return ScriptedConnection(**{"tools/call": []})


async def test_a_death_is_told_with_its_cause_its_uptime_and_its_last_words() -> None:
    first = ScriptedConnection()
    async with living(first, wanted=WANTED) as world:
        await world.heard.state("s", "ready")
        for n in range(30):
            world.child.stderr.feed(b"line %d\n" % n)
        first.die("killed by SIGSEGV")
        await world.heard.state("s", "backoff")
        (exit_,) = world.heard.exits("s")
        assert (exit_.cause, exit_.was_wanted, exit_.pid) == ("signal", True, 4711)
        assert exit_.uptime_s is not None
        assert exit_.stderr_tail == tuple(f"line {n}" for n in range(10, 30))
        last = world.child.last_exit
        assert last is not None
        assert (last.gone.cause, last.pid) == (Cause.SIGNAL, 4711)
        assert last.uptime_s == exit_.uptime_s


async def test_the_last_words_of_the_life_before_are_not_those_of_this_one() -> None:
    first, second = ScriptedConnection(), ScriptedConnection()
    async with living(first, second) as world:
        await world.heard.state("s", "ready")
        world.child.stderr.feed(b"of the first life\n")
        first.die()
        await world.heard.state("s", "ready", times=2)
        second.die()
        await world.heard.until(lambda: len(world.heard.exits("s")) == 2)
        assert world.heard.exits("s")[1].stderr_tail == ("[mcp-gateway] starting s",)


@pytest.mark.parametrize(
    ("opening", "cause", "state"),
    [
        (SpawnFailed("s", "s cannot start", fix="Install it."), "spawn", "failed"),
        (TransientSpawnFailure("s", "s cannot start now"), "spawn", "backoff"),
        (HandshakeFailed("s", "s does not speak MCP with us"), "handshake", "backoff"),
        (ChildGone("s", reason="exited with status 3"), "exit", "backoff"),
        (RpcError(-32603, "oops"), "handshake", "backoff"),
    ],
)
async def test_a_start_that_failed_is_told_with_its_cause(opening: Any, cause: str, state: str) -> None:
    first = ScriptedConnection()
    first.opening = opening
    first.ended = Gone("exited with status 3", code=3)
    async with living(first, wanted=WANTED) as world:
        await world.heard.state("s", state)
        (exit_,) = world.heard.exits("s")
        assert (exit_.cause, exit_.uptime_s) == (cause, None)
        assert "status 3" in exit_.reason


async def test_a_stop_is_told_as_one() -> None:
    async with living(ScriptedConnection(), wanted=WANTED) as world:
        await world.heard.state("s", "ready")
        world.child.stop()
        await world.child.settled()
        (exit_,) = world.heard.exits("s")
        assert (exit_.cause, exit_.was_wanted) == ("stopped", False)
        assert exit_.reason == "stopped by request; exited with status 0"


async def test_a_rest_is_told_as_one_and_it_can_be_woken() -> None:
    async with living(ScriptedConnection(), ScriptedConnection(), wanted=WANTED) as world:
        await world.heard.state("s", "ready")
        world.child.stop("nobody used it for 60 s", Cause.IDLE)
        await world.child.settled()
        assert world.heard.exits("s")[0].cause == "idle"
        world.child.start()
        await world.heard.state("s", "ready", times=2)
        assert world.child.deaths.restarts == {}


async def test_a_death_before_the_stop_keeps_its_own_cause() -> None:
    first = ScriptedConnection()
    async with living(first, wanted=WANTED) as world:
        await world.heard.state("s", "ready")
        first.die()
        world.child.stop()
        await world.child.settled()
        assert world.heard.exits("s")[0].cause == "signal"


async def test_ending_it_answers_every_caller_with_the_reason_and_it_comes_back() -> None:
    first, second = calling(), calling()
    heard: list[str] = []
    async with living(first, second) as world:

        async def ask() -> None:
            upstream = await world.child.upstream()
            with pytest.raises(ChildGone) as caught:
                await upstream.request("tools/call", b"{}")
            heard.append(caught.value.reason)

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            assert first.waiting == 5
            world.child.end(Cause.OOM, "oom: its memory reached 70 MiB, MemoryMax is 64 MiB", at_once=True)
        assert heard == ["oom: its memory reached 70 MiB, MemoryMax is 64 MiB"] * 5
        await world.heard.state("s", "ready", times=2)
        assert first.cuts == [("oom: its memory reached 70 MiB, MemoryMax is 64 MiB", Cause.OOM, True)]
        backoff = world.heard.states("s")["backoff"][0]
        (exit_,) = world.heard.exits("s")
        assert backoff.reason == exit_.reason
        assert exit_.reason.startswith("oom: its memory reached 70 MiB")
        assert (exit_.cause, exit_.was_wanted) == ("oom", True)
        assert world.child.deaths.restarts == {"oom": 1}


async def test_only_the_first_reason_of_an_end_counts_but_a_kill_is_still_carried_out() -> None:
    first = ScriptedConnection()
    async with living(first, wanted=WANTED) as world:
        await world.heard.state("s", "ready")
        world.child.end(Cause.HANG, "no answer to ping")
        world.child.end(Cause.OOM, "oom: too much", at_once=True)
        await world.heard.state("s", "backoff")
        assert world.heard.exits("s")[0].cause == "hang"
        assert [at_once for _, _, at_once in first.cuts] == [False, True]


async def test_without_a_life_there_is_nothing_to_end() -> None:
    first = ScriptedConnection()
    async with living(first, wanted=WANTED) as world:
        await world.heard.state("s", "ready")
        first.die()
        backoff = await world.heard.state("s", "backoff")
        world.child.end(Cause.OOM, "oom: too much", at_once=True)
        assert (world.child.state, world.child.reason) == (State.BACKOFF, backoff.reason)
        assert first.cuts == []


async def test_a_hang_is_a_hang_here_and_a_lost_connection_elsewhere() -> None:
    quick = HealthPolicy(interval_sec=0.01, failures=1, timeout_sec=0.01, stop_timeout_sec=0.1)
    for wanted, cause in ((spec("s", restart=SLOW, health=quick), "hang"), (remote_spec("s", 9, health=quick), "lost")):
        first = ScriptedConnection(ping=[ChildGone("s", reason="no answer")])
        first.ended = Gone("its connection was closed", cause=Cause.LOST)
        async with living(first, wanted=wanted) as world:
            await world.heard.until(lambda world=world: bool(world.heard.exits("s")))  # type: ignore[misc]
            assert world.heard.exits("s")[0].cause == cause


async def test_too_much_noise_puts_it_aside_until_it_is_tried_again() -> None:
    first, second = ScriptedConnection(), ScriptedConnection()
    async with living(first, second, wanted=spec("s", health=HealthPolicy(noise_limit=3))) as world:
        await world.heard.state("s", "ready")
        for _ in range(3):
            world.hooks["on_noise"]()
        assert world.child.state is State.READY
        world.hooks["on_noise"]()
        failed = await world.heard.state("s", "failed")
        assert failed.reason == "put aside: more than 3 lines within a minute that are no messages"
        assert 590 < (failed.next_retry_s or 0) <= 600
        assert first.cuts[0][1:] == (Cause.NOISE, True)
        assert world.heard.exits("s")[0].cause == "noise"
        world.child.start()
        await world.heard.state("s", "ready", times=2)
        for _ in range(3):
            world.hooks["on_noise"]()
        assert world.child.state is State.READY


async def test_noise_during_the_handshake_counts_as_well() -> None:
    first = ScriptedConnection()
    first.open = anyio.sleep_forever  # type: ignore[method-assign,assignment]
    async with living(first, wanted=spec("s", health=HealthPolicy(noise_limit=1))) as world:
        await world.heard.state("s", "starting")
        await anyio.wait_all_tasks_blocked()
        for _ in range(2):
            world.hooks["on_noise"]()
        failed = await world.heard.state("s", "failed")
        assert "put aside" in failed.reason


async def test_a_bug_in_closing_is_contained() -> None:
    class Broken(ScriptedConnection):
        """Cannot be closed."""

        async def close(self, *, grace_s: float) -> Gone:
            raise ZeroDivisionError

    first = Broken()
    async with living(first, ScriptedConnection()) as world:
        await world.heard.state("s", "ready")
        first.die()
        await world.heard.state("s", "ready", times=2)
        assert world.heard.exits("s")[0].cause == "bug"


async def test_stopped_before_it_could_begin_nothing_has_ended() -> None:
    async with living(ScriptedConnection()) as world:
        world.child.stop()
        world.child.start()
        world.child.stop()
        await world.child.settled()
        assert (world.heard.exits("s"), world.child.starts, world.used) == ([], 0, [])


async def test_the_end_of_the_gateway_is_told_as_a_stop() -> None:
    async with living(ScriptedConnection()) as world:
        await world.heard.state("s", "ready")
    assert world.heard.exits("s")[0].cause == "stopped"
    assert world.heard.states("s")["stopping"][0].reason == "the gateway is stopping"
    assert world.child.state is State.STOPPED
