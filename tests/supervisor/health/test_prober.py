"""Asking for life."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest

from gateway.clock import SystemClock
from gateway.errors import CallTimeout, ChildGone, RpcError
from gateway.model import CallPolicy, HealthPolicy, ServerName
from gateway.protocol.handshake import Era
from gateway.supervisor.calls.calling import ReadyUpstream
from gateway.supervisor.calls.traffic import Traffic
from gateway.supervisor.health.prober import AFTER_FAILURE_S, Prober
from gateway.supervisor.health.verdict import Health
from tests.fakes import FakeClock
from tests.supervisor.running import spec
from tests.supervisor.scripted import ScriptedConnection

QUICK = HealthPolicy(interval_sec=0.01, timeout_sec=5.0)


class Verdicts:
    """Waits for what the prober says."""

    def __init__(self) -> None:
        self.all: list[tuple[Health, str]] = []
        self.more = anyio.Event()

    def __call__(self, health: Health, reason: str) -> None:
        self.all.append((health, reason))
        self.more.set()


async def probe(
    connection: ScriptedConnection,
    until: Callable[[Verdicts], bool],
    policy: HealthPolicy = QUICK,
    era: Era = Era.LEGACY,
) -> list[tuple[Health, str]]:
    verdicts = Verdicts()
    prober = Prober(ServerName("s"), connection, policy, era, clock=SystemClock(), on_verdict=verdicts)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(prober.run)
        with anyio.fail_after(10):
            while not until(verdicts):
                verdicts.more = anyio.Event()
                with anyio.move_on_after(0.02):
                    await verdicts.more.wait()
        tasks.cancel_scope.cancel()
    return verdicts.all


async def test_three_silences_in_a_row_are_unhealthy() -> None:
    connection = ScriptedConnection(ping=[CallTimeout("s", 10.0)])
    verdicts = await probe(connection, lambda v: len(v.all) >= 3)
    assert [health for health, _ in verdicts[:3]] == [Health.DEGRADED, Health.DEGRADED, Health.UNHEALTHY]
    assert "no answer to ping within 10 s (3 of 3" in verdicts[2][1]


async def test_an_error_is_an_answer_too() -> None:
    connection = ScriptedConnection(ping=[RpcError(-32601, "no ping here")])
    assert await probe(connection, lambda _: len(connection.asked) >= 3) == []


async def test_a_modern_server_is_asked_to_describe_itself() -> None:
    connection = ScriptedConnection(**{"server/discover": [{}]})
    await probe(connection, lambda _: bool(connection.asked), era=Era.MODERN)
    assert connection.asked[0][0] == "server/discover"


async def test_one_that_recovers_is_healthy_again() -> None:
    connection = ScriptedConnection(ping=[ChildGone("s", reason="it cannot be reached"), {}])
    verdicts = await probe(connection, lambda v: len(v.all) >= 2)
    assert verdicts == [(Health.DEGRADED, "it cannot be reached (1 of 3 failed probes)"), (Health.HEALTHY, "")]


async def test_a_busy_one_that_makes_progress_is_not_asked() -> None:
    class Busy(ScriptedConnection):
        """Something is heard whenever somebody looks."""

        looks = 0

        @property
        def heard(self) -> int:
            self.looks += 1
            return self.looks

        @heard.setter
        def heard(self, _value: int) -> None:
            """Ignored: the script counts looks."""

    connection = Busy()
    await probe(connection, lambda _: connection.looks > 10)
    assert connection.asked == []


async def test_trouble_elsewhere_asks_at_once() -> None:
    connection = ScriptedConnection()
    prober = Prober(
        ServerName("s"), connection, HealthPolicy(interval_sec=600), Era.LEGACY,
        clock=SystemClock(), on_verdict=lambda *_: None,
    )  # fmt: skip
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(prober.run)
        await anyio.wait_all_tasks_blocked()
        prober.probe_soon()
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert connection.asked == [("ping", {})]


def test_a_hang_is_seen_within_45_seconds_by_default() -> None:
    policy = HealthPolicy()
    worst = policy.interval_sec + policy.failures * policy.timeout_sec + (policy.failures - 1) * 1.0
    assert worst <= 45


class Deaf(ScriptedConnection):
    """Never answers a ping; keeps the deadlines it was asked with."""

    def __init__(self, *, progresses: bool = False) -> None:
        super().__init__(ping=[CallTimeout("s", 10.0)])
        self.deadlines: list[float] = []
        self.progresses = progresses

    async def ask(self, method: str, params: bytes, *, timeout_s: float, **more: Any) -> bytes:
        self.deadlines.append(timeout_s)
        self.heard += self.progresses
        return await super().ask(method, params, timeout_s=timeout_s, **more)


async def test_a_failed_probe_during_progress_is_no_failure() -> None:
    connection = Deaf(progresses=True)
    assert await probe(connection, lambda _: len(connection.deadlines) > 5) == []


async def test_a_ping_to_a_serial_server_waits_for_the_call_in_hand() -> None:
    clock = FakeClock()
    traffic = Traffic(spec("s", call=CallPolicy(max_in_flight=1)), clock=clock, publish=lambda _: None)
    connection, busy = Deaf(), ScriptedConnection()
    traffic.attach(busy)
    prober = Prober(
        ServerName("s"), connection, HealthPolicy(interval_sec=0.01, timeout_sec=10.0), Era.LEGACY,
        clock=clock, on_verdict=lambda *_: None, traffic=traffic,
    )  # fmt: skip
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ReadyUpstream(traffic).request, "never", b"{}")
        await anyio.wait_all_tasks_blocked()
        clock.advance(20.0)
        tasks.start_soon(prober.run)
        with anyio.fail_after(10):
            while not connection.deadlines:
                await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    assert connection.deadlines[0] == pytest.approx(110.0)


def test_a_hang_of_a_serial_server_is_seen_as_soon_after_its_calls_deadline() -> None:
    """The ping that waited for the call counts as the first failure, ten seconds after the deadline."""
    policy = HealthPolicy()
    after_deadline_s = policy.failures * policy.timeout_sec + (policy.failures - 1) * AFTER_FAILURE_S
    assert after_deadline_s < 45


async def test_a_probe_whose_own_trouble_asks_for_the_next_one_lets_others_have_their_turn() -> None:
    asked: list[str] = []

    class Gone(ScriptedConnection):
        async def ask(self, method: str, *_: Any, **__: Any) -> bytes:
            asked.append(method)
            prober.probe_soon()  # as a remote does when a request cannot be sent: and nothing was awaited
            raise ChildGone("s", reason="it cannot be reached")

    policy = HealthPolicy(interval_sec=3600.0, timeout_sec=5.0)
    prober = Prober(
        ServerName("s"), Gone(), policy, Era.LEGACY, clock=SystemClock(), on_verdict=lambda health, reason: None
    )
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(prober.run)
        prober.probe_soon()
        for _ in range(20):
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    assert asked == ["ping"]
