"""What the endpoint holds of a ready child."""

from __future__ import annotations

import anyio
import pytest

from gateway.clock import SystemClock
from gateway.errors import CallTimeout, ServerBusy
from gateway.facts import Fact
from gateway.model import CallPolicy
from gateway.supervisor.calls.calling import ReadyUpstream
from gateway.supervisor.calls.traffic import Traffic
from gateway.supervisor.ports import OnNotify
from tests.supervisor.running import spec
from tests.supervisor.scripted import ScriptedConnection


def traffic_to(connection: ScriptedConnection, policy: CallPolicy | None = None) -> Traffic:
    facts: list[Fact] = []
    traffic = Traffic(spec("s", call=policy), clock=SystemClock(), publish=facts.append)
    traffic.attach(connection)
    return traffic


class Patient(ScriptedConnection):
    """Keeps the deadlines it is given."""

    def __init__(self) -> None:
        super().__init__(ping=[{}])
        self.deadlines: list[tuple[float, float | None]] = []

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
        self.deadlines.append((timeout_s, limit_s))
        return await super().ask(method, params, timeout_s=timeout_s)


async def test_a_request_is_passed_on_and_counted_while_it_is_open() -> None:
    traffic = traffic_to(ScriptedConnection(ping=[{"a": 1}]))
    upstream = ReadyUpstream(traffic)
    assert await upstream.request("ping", b"{}") == b'{"a": 1}'
    assert (upstream.server, traffic.count) == ("s", 0)


async def test_the_count_falls_when_a_call_fails_too() -> None:
    traffic = traffic_to(ScriptedConnection(ping=[CallTimeout("s", 1)]))
    with pytest.raises(CallTimeout):
        await ReadyUpstream(traffic).request("ping", b"{}")
    assert traffic.count == 0


async def test_one_call_too_many_is_busy() -> None:
    traffic = traffic_to(ScriptedConnection(), CallPolicy(max_in_flight=2, max_queue=1))
    upstream = ReadyUpstream(traffic)
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(upstream.request, "never", b"{}")
        await anyio.wait_all_tasks_blocked()
        assert (traffic.count, traffic.row()["queued"]) == (2, 1)
        with pytest.raises(ServerBusy):
            await upstream.request("ping", b"{}")
        tasks.cancel_scope.cancel()
    assert traffic.count == 0


async def test_the_deadline_counts_from_when_the_call_was_accepted() -> None:
    connection = Patient()
    traffic = traffic_to(connection, CallPolicy(timeout_sec=100, max_timeout_sec=300, max_in_flight=1))
    await ReadyUpstream(traffic, waited_s=40.0).request("ping", b"{}")
    ((timeout_s, limit_s),) = connection.deadlines
    assert 59 < timeout_s <= 60
    assert 259 < (limit_s or 0) <= 260


async def test_the_time_in_the_queue_is_taken_off_too() -> None:
    connection = Patient()
    traffic = traffic_to(connection, CallPolicy(timeout_sec=100, max_timeout_sec=300, max_in_flight=1))
    async with anyio.create_task_group() as tasks:
        first = await traffic.queue.turn("", 1.0)
        tasks.start_soon(ReadyUpstream(traffic).request, "ping", b"{}")
        await anyio.wait_all_tasks_blocked()
        with anyio.move_on_after(0.05):
            await anyio.sleep_forever()
        traffic.queue.done()
    assert first is connection
    assert connection.deadlines[0][0] < 99.96


class Mute(ScriptedConnection):
    """Never answers in time."""

    async def ask(self, method: str, params: bytes, *, timeout_s: float, **_more: object) -> bytes:
        raise CallTimeout("s", timeout_s + 0.004, allowed_s=timeout_s)


async def test_whoever_waited_before_is_told_the_time_that_was_configured() -> None:
    traffic = traffic_to(Mute(), CallPolicy(timeout_sec=4, max_in_flight=1))
    with pytest.raises(CallTimeout, match=r"within 4 s$") as caught:
        await ReadyUpstream(traffic, waited_s=1.2345).request("ping", b"{}")
    assert caught.value.after_s < 3
    traffic = traffic_to(Mute(), CallPolicy(timeout_sec=4, max_in_flight=1))
    told: list[str] = []

    async def ask() -> None:
        try:
            await ReadyUpstream(traffic).request("ping", b"{}")
        except CallTimeout as exc:
            told.append(exc.message)

    async with anyio.create_task_group() as tasks:
        await traffic.queue.turn("", 1.0)
        tasks.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        with anyio.move_on_after(0.05):
            await anyio.sleep_forever()
        traffic.queue.done()
    assert told == ["s did not answer within 4 s"]


async def test_a_wish_for_more_time_than_there_is_at_most_gets_the_most() -> None:
    connection = Patient()
    await ReadyUpstream(traffic_to(connection, CallPolicy(max_timeout_sec=5))).request("ping", b"{}", timeout_s=600)
    assert connection.deadlines[0][0] <= 5


def test_the_default_deadlines_are_the_promised_numbers() -> None:
    policy = CallPolicy()
    assert (policy.timeout_sec, policy.max_timeout_sec) == (120.0, 390.0)
    assert (policy.max_in_flight, policy.max_queue, policy.queue_timeout_sec) == (64, 64, 30.0)
