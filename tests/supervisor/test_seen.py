"""What may be read of a child at any time."""

from __future__ import annotations

import anyio
import msgspec

from gateway.model import ResourceLimits, RestartPolicy
from gateway.supervisor.seen import Seen
from tests.supervisor.running import spec
from tests.supervisor.scripted import ScriptedConnection
from tests.supervisor.test_child import World, living
from tests.supervisor.virtual import LoopClock, run_virtually


async def test_before_its_first_start_there_is_nothing_to_see() -> None:
    child = World(ScriptedConnection()).child
    assert isinstance(child, Seen)
    assert (child.pid, child.agreed, child.uptime_s, child.next_retry_s, child.last_exit) == (None,) * 5
    assert (child.starts, child.noise, child.skipped_tools, child.in_flight.count) == (0, 0, 0, 0)
    assert child.reason == "not started yet"


def test_uptime_counts_from_ready_and_the_retry_counts_down() -> None:
    async def play(clock: LoopClock) -> None:
        first = ScriptedConnection()
        wanted = spec("s", restart=RestartPolicy(restart_sec=60.0))
        async with living(first, ScriptedConnection(), wanted=wanted, clock=clock) as world:
            await world.child.upstream()
            await anyio.sleep(30)
            assert round(world.child.uptime_s or 0) == 30
            first.die()
            await anyio.sleep(10)
            assert world.child.uptime_s is None
            assert 49 < (world.child.next_retry_s or 0) <= 65

    run_virtually(play)


async def test_noise_is_summed_up_over_all_lives() -> None:
    first, second = ScriptedConnection(), ScriptedConnection()
    first.noise, second.noise = 3, 4
    async with living(first, second) as world:
        await world.heard.state("s", "ready")
        assert world.child.noise == 3
        first.die()
        await world.heard.state("s", "ready", times=2)
        assert world.child.noise == 7


def test_one_that_finishes_its_calls_says_so() -> None:
    async def play(clock: LoopClock) -> None:
        wanted = msgspec.structs.replace(spec("s"), limits=ResourceLimits(runtime_max_sec=10.0))
        first = ScriptedConnection(**{"tools/call": []})
        async with living(first, ScriptedConnection(), wanted=wanted, clock=clock) as world:
            upstream = await world.child.upstream()
            assert not world.child.is_draining
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(upstream.request, "tools/call", b"{}")
                await anyio.sleep(11)
                assert world.child.is_draining
                first.answer({})
                await anyio.sleep(1)
            assert not world.child.is_draining

    run_virtually(play)
