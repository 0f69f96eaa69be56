"""One life of one child."""

from __future__ import annotations

import anyio
import pytest

from gateway.clock import SystemClock
from gateway.errors import ChildGone, HandshakeFailed, RpcError
from gateway.facts import Fact, ToolsListed
from gateway.model import HealthPolicy
from gateway.protocol.handshake import Agreed, Era
from gateway.supervisor.calls.calling import ReadyUpstream
from gateway.supervisor.calls.traffic import Traffic
from gateway.supervisor.health.verdict import Health
from gateway.supervisor.life import CHANGED, Life
from gateway.supervisor.processes.ring import LineRing
from tests.supervisor.running import spec
from tests.supervisor.scripted import AGREED, TOOLS, ScriptedConnection


class World:
    """A life over a scripted connection, and what it told."""

    def __init__(
        self, connection: ScriptedConnection, health: HealthPolicy | None = None, traffic: Traffic | None = None
    ) -> None:
        self.facts: list[Fact] = []
        self.verdicts: list[tuple[Health, str]] = []
        self.hooks: dict[str, object] = {}

        def connect(_spec: object, **hooks: object) -> ScriptedConnection:
            self.hooks = hooks
            return connection

        self.life = Life(
            spec("s", health=health or HealthPolicy()),
            connect,
            stderr=LineRing(),
            probe=True,
            clock=SystemClock(),
            publish=self.facts.append,
            on_verdict=lambda *verdict: self.verdicts.append(verdict),
            traffic=traffic,
        )

    @property
    def lists(self) -> list[ToolsListed]:
        return [fact for fact in self.facts if isinstance(fact, ToolsListed)]


async def test_beginning_shakes_hands_and_tells_the_tools() -> None:
    world = World(ScriptedConnection())
    assert await world.life.begin() == AGREED
    (told,) = world.lists
    assert [tool.ref.tool for tool in told.tools] == ["t"]
    assert (told.protocol, told.instructions, told.server_title) == ("2025-11-25", "Hello.", "Scripted")


async def test_a_server_without_tools_is_not_asked_for_them() -> None:
    connection = ScriptedConnection()
    connection.agreed = Agreed(Era.LEGACY, "2025-11-25", {"prompts": {}})
    world = World(connection)
    await world.life.begin()
    assert (world.lists[0].tools, connection.asked) == ((), [])


async def test_silence_at_the_handshake_is_a_failure_at_the_deadline() -> None:
    connection = ScriptedConnection()
    connection.open = anyio.sleep_forever  # type: ignore[method-assign,assignment]
    with pytest.raises(HandshakeFailed, match="was not ready within"):
        await World(connection, HealthPolicy(start_timeout_sec=0.01)).life.begin()


async def test_a_failing_list_makes_it_degraded_not_dead() -> None:
    world = World(ScriptedConnection(**{"tools/list": [RpcError(-32603, "oops")]}))
    await world.life.begin()
    assert world.life.verdict == (Health.DEGRADED, "its tools cannot be listed: oops")
    assert world.lists == []


async def test_it_runs_until_the_other_side_is_gone() -> None:
    connection = ScriptedConnection()
    world = World(connection)
    agreed = await world.life.begin()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.life.run, agreed)
        await anyio.wait_all_tasks_blocked()
        connection.die()
    assert connection.gone.is_set()


async def test_many_notices_are_one_look_and_a_good_list_heals() -> None:
    connection = ScriptedConnection(**{"tools/list": [RpcError(-32603, "oops"), TOOLS]})
    world = World(connection)
    agreed = await world.life.begin()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.life.run, agreed)
        await anyio.wait_all_tasks_blocked()
        for _ in range(10):
            world.hooks["on_told"](CHANGED, None)  # type: ignore[operator]
        with anyio.fail_after(10):
            while not world.lists:
                await anyio.lowlevel.checkpoint()
        connection.die()
    assert len(world.lists) == 1
    assert world.verdicts == [(Health.HEALTHY, "")]
    assert len(connection.asked) == 2


async def test_a_list_that_breaks_off_does_not_end_the_life() -> None:
    connection = ScriptedConnection(**{"tools/list": [TOOLS, ChildGone("s", reason="cut")]})
    world = World(connection)
    agreed = await world.life.begin()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.life.run, agreed)
        await anyio.wait_all_tasks_blocked()
        world.hooks["on_told"](CHANGED, None)  # type: ignore[operator]
        with anyio.fail_after(10):
            while not world.verdicts:
                await anyio.lowlevel.checkpoint()
        connection.die()
    assert world.verdicts[0][0] is Health.DEGRADED


async def test_a_server_that_has_no_notices_lives_on() -> None:
    connection = ScriptedConnection()

    async def refuse() -> None:
        raise RpcError(-32601, "no such method")

    connection.listening = refuse
    world = World(connection)
    agreed = await world.life.begin()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.life.run, agreed)
        await anyio.wait_all_tasks_blocked()
        assert not connection.gone.is_set()
        connection.die()


async def test_probes_lists_and_calls_are_judged_together_with_all_their_reasons() -> None:
    traffic = Traffic(spec("s"), clock=SystemClock(), publish=lambda _: None)
    connection = ScriptedConnection(**{"tools/list": [RpcError(-32603, "oops")]})
    world = World(connection, traffic=traffic)
    agreed = await world.life.begin()
    traffic.attach(connection)
    connection.answers["tools/call"] = [RpcError(-32603, "no")]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.life.run, agreed)
        await anyio.wait_all_tasks_blocked()
        for _ in range(5):
            with pytest.raises(RpcError):
                await ReadyUpstream(traffic, tool="t").request("tools/call", b"{}")
        connection.die()
    health, reason = world.verdicts[-1]
    assert health is Health.DEGRADED
    assert reason == "its tools cannot be listed: oops; 5 of its last 5 calls failed"
