"""What the endpoint holds of a ready child."""

from __future__ import annotations

import anyio
import pytest

from gateway.errors import CallTimeout, ServerBusy
from gateway.model import CallPolicy, ServerName
from gateway.supervisor.calls.calling import InFlight, ReadyUpstream
from tests.supervisor.scripted import ScriptedConnection

NAME = ServerName("s")


async def test_a_request_is_passed_on_and_counted_while_it_is_open() -> None:
    in_flight = InFlight()
    upstream = ReadyUpstream(NAME, ScriptedConnection(ping=[{"a": 1}]), CallPolicy(), in_flight)
    assert await upstream.request("ping", b"{}") == b'{"a": 1}'
    assert (upstream.server, in_flight.count) == (NAME, 0)


async def test_the_count_falls_when_a_call_fails_too() -> None:
    in_flight = InFlight()
    upstream = ReadyUpstream(NAME, ScriptedConnection(ping=[CallTimeout("s", 1)]), CallPolicy(), in_flight)
    with pytest.raises(CallTimeout):
        await upstream.request("ping", b"{}")
    assert in_flight.count == 0


async def test_one_call_too_many_is_busy() -> None:
    in_flight = InFlight()
    upstream = ReadyUpstream(NAME, ScriptedConnection(), CallPolicy(max_in_flight=2), in_flight)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(upstream.request, "never", b"{}")
        tasks.start_soon(upstream.request, "never", b"{}")
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(ServerBusy):
            await upstream.request("ping", b"{}")
        tasks.cancel_scope.cancel()
    assert in_flight.count == 0


async def test_waiting_for_none_ends_with_the_last_call() -> None:
    in_flight = InFlight()
    in_flight.begin()
    in_flight.begin()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(in_flight.none)
        await anyio.wait_all_tasks_blocked()
        in_flight.end()
        in_flight.end()
    with anyio.fail_after(1):
        await in_flight.none()
    assert in_flight.count == 0


def test_the_default_deadlines_are_the_promised_numbers() -> None:
    policy = CallPolicy()
    assert (policy.timeout_sec, policy.max_timeout_sec) == (120.0, 390.0)
