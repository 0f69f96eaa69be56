"""All calls of one child, over scripted connections and a clock turned by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anyio
import msgspec
import pytest

from gateway.errors import BreakerOpen, CallTimeout, ChildGone, GatewayError, RpcError, ServerBusy, ServerOverloaded
from gateway.facts import BreakerMoved, Fact
from gateway.model import CallPolicy, HealthPolicy, ServerSpec
from gateway.supervisor.calls.calling import ReadyUpstream
from gateway.supervisor.calls.traffic import Traffic
from gateway.supervisor.ports import OnNotify
from tests.fakes import FakeClock
from tests.supervisor.running import remote_spec, spec
from tests.supervisor.scripted import ScriptedConnection

HEALTH = HealthPolicy(breaker_failures=3, breaker_sec=30, breaker_max_sec=600)
INTERNAL = RpcError(-32603, "oops")
SILENCE = CallTimeout("s", 120.0)
TWO = ("one", "another")
SERIAL = CallPolicy(max_in_flight=1, timeout_sec=120)


class Tools(ScriptedConnection):
    """Answers calls when told to, in any order: `script` is what each tool's calls end with, else they stay open."""

    def __init__(self, **script: Any) -> None:
        super().__init__()
        self.script = script
        self.held: dict[str, list[anyio.Event]] = {}
        self.sent: list[str] = []

    async def ask(
        self,
        method: str,
        params: bytes,
        *,
        timeout_s: float,
        limit_s: float | None = None,
        on_notify: OnNotify | None = None,
        may_cancel: bool = True,
    ) -> bytes:
        tool = str(msgspec.json.decode(params)["name"])
        self.sent.append(tool)
        if tool not in self.script:
            event = anyio.Event()
            self.held.setdefault(tool, []).append(event)
            await event.wait()
        answer = self.script.get(tool)
        if isinstance(answer, Exception):
            raise answer
        return b"{}"

    def answer(self, tool: str) -> None:
        self.held[tool].pop(0).set()


class World:
    """A child's traffic and what it told."""

    def __init__(self, wanted: ServerSpec | None = None, **script: Any) -> None:
        self.clock = FakeClock()
        self.facts: list[Fact] = []
        self.traffic = Traffic(wanted or spec("s", health=HEALTH), clock=self.clock, publish=self.facts.append)
        self.troubles: list[float] = []
        self.changes: list[str] = []
        self.traffic.on_trouble = lambda: self.troubles.append(self.clock.now())
        self.traffic.on_change = lambda: self.changes.append(self.traffic.problem)
        self.connection = Tools(**script)
        self.traffic.attach(self.connection)
        self.errors: list[GatewayError] = []

    async def call(self, tool: str, party: str = "") -> None:
        upstream = ReadyUpstream(self.traffic, tool=tool, party=party)
        try:
            await upstream.request("tools/call", msgspec.json.encode({"name": tool}))
        except GatewayError as exc:
            self.errors.append(exc)

    async def calls(self, *tools: str, parties: Sequence[str] = ("",)) -> None:
        """One after the other, of these parties in turns."""
        for number, tool in enumerate(tools):
            await self.call(tool, parties[number % len(parties)])

    def moves(self) -> list[tuple[str | None, str]]:
        return [(fact.tool, fact.state) for fact in self.facts if isinstance(fact, BreakerMoved)]

    def row(self, *names: str) -> Sequence[Any]:
        row = self.traffic.row()
        return [row[name] for name in names]


@pytest.mark.parametrize("failure", [INTERNAL, CallTimeout("s", 120.0)])
async def test_a_tool_that_fails_in_a_row_is_held_back_and_tried_again_after_a_pause(failure: GatewayError) -> None:
    world = World(bad=failure, good=None)
    await world.calls("bad", "bad", "bad", "bad", "good", parties=TWO)
    held = world.errors.pop()
    assert isinstance(held, BreakerOpen)
    assert (held.tool, held.retry_after_s) == ("bad", 30.0)
    assert world.connection.sent == ["bad", "bad", "bad", "good"]
    world.clock.advance(30.0)
    world.connection.script["bad"] = None
    await world.call("bad")
    assert world.moves() == [("bad", "open"), ("bad", "half_open"), ("bad", "closed")]


async def test_one_callers_bad_arguments_shut_nothing_for_anybody() -> None:
    world = World(bad=INTERNAL, bad_too=INTERNAL, good=None)
    await world.calls(*["bad", "bad_too"] * 20, parties=("evil",))
    world.connection.script["bad"] = None
    await world.call("bad", "good")
    await world.call("good", "good")
    assert world.moves() == []
    assert world.connection.sent[-2:] == ["bad", "good"]


async def test_internal_errors_of_all_tools_to_everybody_are_no_failure_of_the_server() -> None:
    world = World(a=INTERNAL, b=INTERNAL, good=None)
    await world.calls("a", "a", "a", "b", "b", "b", "good", parties=TWO)
    assert world.moves() == [("a", "open"), ("b", "open")]
    assert world.connection.sent[-1] == "good"


async def test_a_server_without_room_is_held_back_as_a_whole_and_its_tool_is_not_blamed() -> None:
    world = World(full=ServerOverloaded("s", status=503, retry_after_s=1.0))
    await world.calls("full", "full", "full", "other")
    assert isinstance(world.errors[-1], BreakerOpen)
    assert world.moves() == [(None, "open")]
    assert world.row("breakers") == [[]]


async def test_a_call_cut_off_by_an_end_is_retold_by_who_knows_why() -> None:
    world = World(t=ChildGone("s", reason="exited with status 0"))
    world.traffic._retold = lambda exc: ChildGone(exc.server, reason=f"stopped by request; {exc.reason}")
    await world.call("t")
    (told,) = world.errors
    assert isinstance(told, ChildGone)
    assert told.reason == "stopped by request; exited with status 0"


@pytest.mark.parametrize("answer", [None, RpcError(-32602, "city is required")])
async def test_results_and_the_callers_own_mistakes_are_no_failures(answer: GatewayError | None) -> None:
    world = World(t=answer)
    await world.calls(*["t"] * 20)
    assert (world.moves(), world.row("calls")[0]["errors"]) == ([], 0)


async def test_cancelled_calls_are_no_failures_and_free_the_trial() -> None:
    world = World(bad=INTERNAL)
    await world.calls(*["bad"] * 3, parties=TWO)
    world.clock.advance(30.0)
    del world.connection.script["bad"]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.call, "bad")
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(BreakerOpen):
            world.traffic.check("bad")
        tasks.cancel_scope.cancel()
    world.traffic.check("bad")
    assert world.moves() == [("bad", "open"), ("bad", "half_open")]


async def test_the_death_of_a_child_with_many_open_calls_opens_nothing() -> None:
    world = World(a=ChildGone("s", reason="killed by SIGKILL"), b=ChildGone("s", reason="killed by SIGKILL"))
    await world.calls(*["a", "b"] * 32)
    assert world.moves() == []


async def test_refusals_of_a_remote_count_each() -> None:
    refused = ChildGone("s", reason="it answered with HTTP 500")
    world = World(remote_spec("s", 1, health=HEALTH), a=refused, b=refused)
    await world.calls("a", "b", "a")
    assert world.moves() == [(None, "open")]


async def test_a_restart_closes_the_servers_breaker_here_and_not_the_tools() -> None:
    world = World(a=SILENCE, b=SILENCE)
    await world.calls("a", "b", "a", "c")
    assert isinstance(world.errors[-1], BreakerOpen)
    world.traffic.detach()
    world.traffic.attach(Tools())
    assert world.moves() == [(None, "open"), (None, "closed")]


async def test_the_row_shows_breakers_that_move_by_themselves() -> None:
    world = World(bad=INTERNAL)
    await world.calls("bad", "bad", "bad", parties=TWO)
    breaker, breakers = world.row("breaker", "breakers")
    assert (breaker["state"], breakers[0]["tool"], breakers[0]["retry_s"]) == ("closed", "bad", 30.0)
    world.clock.advance(30.0)
    assert world.row("breakers")[0][0]["state"] == "half_open"
    assert world.moves()[-1] == ("bad", "half_open")


async def test_failing_calls_make_it_degraded_and_time_heals_it() -> None:
    world = World(spec("s", health=HealthPolicy(breaker_failures=0)), bad=CallTimeout("s", 1.0), good=None)
    await world.calls("good", "bad", "bad", "bad", "bad")
    assert world.changes == ["4 of its last 5 calls failed"]
    world.clock.advance(61.0)
    world.traffic.tick()
    assert world.changes[1:] == [""]


async def test_a_dead_childs_calls_do_not_make_the_next_one_degraded() -> None:
    world = World(a=ChildGone("s", reason="killed"))
    await world.calls(*["a"] * 10)
    assert (world.row("calls")[0]["n"], world.changes) == (0, [])


async def test_a_timed_out_call_asks_for_a_sign_of_life() -> None:
    world = World(t=CallTimeout("s", 1.0))
    await world.call("t")
    assert world.troubles == [1000.0]


async def test_requests_that_are_no_calls_of_tools_concern_no_breaker() -> None:
    world = World(x=INTERNAL)
    for _ in range(10):
        with pytest.raises(RpcError):
            await ReadyUpstream(world.traffic).request("prompts/get", b'{"name":"x"}')
    assert (world.moves(), world.row("calls")[0]["n"]) == ([], 0)


async def burst(world: World, calls: int, took_s: float) -> None:
    """Calls at the same time, answered one after the other as a serial server does."""
    async with anyio.create_task_group() as tasks:
        for _ in range(calls):
            tasks.start_soon(world.call, "t")
        await anyio.wait_all_tasks_blocked()
        for _ in range(calls):
            world.clock.advance(took_s)
            world.connection.answer("t")
            await anyio.wait_all_tasks_blocked()


async def test_a_serial_server_is_recognised_and_then_given_one_call_at_a_time() -> None:
    world = World()
    await burst(world, 6, 0.5)
    assert world.row("serial") == [True]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.call, "t")
        tasks.start_soon(world.call, "t")
        await anyio.wait_all_tasks_blocked()
        assert (world.traffic.count, world.row("queued")) == (1, [1])
        tasks.cancel_scope.cancel()


async def test_it_stays_recognised_over_a_restart() -> None:
    world = World()
    await burst(world, 6, 0.5)
    world.traffic.detach()
    world.traffic.attach(Tools())
    assert world.row("serial") == [True]


async def test_a_pong_during_a_call_revokes_it_and_those_who_wait_are_sent() -> None:
    world = World()
    await burst(world, 6, 0.5)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.call, "t")
        tasks.start_soon(world.call, "t")
        await anyio.wait_all_tasks_blocked()
        world.traffic.probed(world.traffic.probing(), answered=True)
        assert (world.traffic.count, world.row("serial")) == (2, [False])
        tasks.cancel_scope.cancel()


async def test_a_remote_is_never_taken_for_serial() -> None:
    world = World(remote_spec("s", 1))
    await burst(world, 12, 0.5)
    assert (world.traffic.queue.is_serial, world.traffic.busy_for()) == (False, 0.0)


async def test_one_call_at_a_time_by_configuration_is_serial_too_and_is_not_doubted() -> None:
    world = World(spec("s", call=SERIAL))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.call, "t")
        await anyio.wait_all_tasks_blocked()
        world.traffic.probed(world.traffic.probing(), answered=True)
        assert world.row("serial") == [True]
        tasks.cancel_scope.cancel()
    world.traffic.adopt(spec("s"))
    assert world.row("serial") == [False]


async def test_silence_says_nothing_while_a_serial_server_works_within_the_deadline() -> None:
    world = World(spec("s", call=SERIAL))
    assert world.traffic.busy_for() == 0.0
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.call, "t")
        await anyio.wait_all_tasks_blocked()
        world.clock.advance(100.0)
        assert world.traffic.busy_for() == pytest.approx(20.0)
        world.clock.advance(20.0)
        assert world.traffic.busy_for() == 0.0
        tasks.cancel_scope.cancel()


async def test_silence_of_any_other_server_always_says_something() -> None:
    world = World()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.call, "t")
        await anyio.wait_all_tasks_blocked()
        assert world.traffic.busy_for() == 0.0
        tasks.cancel_scope.cancel()


async def cancelled_call(world: World) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.call, "t")
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()


async def test_a_serial_server_is_given_nothing_while_it_may_still_work_on_a_cancelled_call() -> None:
    world = World(spec("s", call=SERIAL), quick=None)
    await cancelled_call(world)
    assert world.troubles  # a ping was asked for: its answer will say when it is free
    assert world.traffic.busy_for() == 120.0
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.call, "quick")
        await anyio.wait_all_tasks_blocked()
        assert world.connection.sent == ["t"]
        world.traffic.probed(world.traffic.probing(), answered=True)
        await anyio.wait_all_tasks_blocked()
    assert world.connection.sent == ["t", "quick"]
    assert world.traffic.busy_for() == 0.0


async def test_a_call_that_was_not_sent_keeps_no_place() -> None:
    world = World(spec("s", call=SERIAL), full=ServerBusy("s", 1), quick=None)
    with anyio.fail_after(5):
        await world.calls("full", "quick")
    assert (len(world.errors), world.moves()) == (1, [])


async def test_a_late_answer_is_counted_and_frees_a_serial_server() -> None:
    world = World(spec("s", call=SERIAL), quick=None)
    await cancelled_call(world)
    world.connection.late += 1
    world.connection.on_late()
    with anyio.fail_after(5):
        await world.call("quick")
    assert world.row("late_answers") == [1]
    world.traffic.detach()
    world.traffic.attach(Tools())
    assert world.row("late_answers") == [1]


async def test_after_a_deadline_passed_silence_of_a_serial_server_says_something_at_once() -> None:
    world = World(spec("s", call=SERIAL), t=CallTimeout("s", 120.0))
    await world.call("t")
    assert (world.traffic.busy_for(), len(world.troubles)) == (0.0, 2)


async def test_a_pong_to_a_ping_from_before_the_call_does_not_say_that_it_is_done() -> None:
    world = World(spec("s", call=SERIAL))
    ping = world.traffic.probing()
    await cancelled_call(world)
    world.traffic.probed(ping, answered=True)
    assert world.traffic.busy_for() == 120.0


async def test_a_new_life_begins_with_every_place_free() -> None:
    world = World(spec("s", call=SERIAL), quick=None)
    await cancelled_call(world)
    world.traffic.detach()
    world.traffic.attach(Tools(quick=None))
    with anyio.fail_after(5):
        await world.call("quick")
    assert world.errors == []


async def test_who_is_refused_is_told_when_by_the_pace_of_late() -> None:
    world = World(spec("s", call=CallPolicy(max_in_flight=1, max_queue=0)))
    for _ in range(3):
        await burst(world, 1, 9.0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.call, "t")
        await anyio.wait_all_tasks_blocked()
        await world.call("t")
        tasks.cancel_scope.cancel()
    assert getattr(world.errors[0], "retry_after_s", None) == 9.0
