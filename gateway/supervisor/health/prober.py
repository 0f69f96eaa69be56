"""Asks a ready child at intervals whether it is alive, and says so when it is not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import anyio
import anyio.lowlevel

from gateway.clock import Clock
from gateway.errors import CallTimeout, ChildGone, GatewayError
from gateway.model import HealthPolicy, ServerName
from gateway.protocol.handshake import Era
from gateway.supervisor.calls.traffic import Traffic
from gateway.supervisor.health.stillness import Stillness
from gateway.supervisor.health.verdict import Health, HealthTracker, ProbeResult
from gateway.supervisor.ports import Connection

HELD: Final = "it is held still (SIGSTOP), and would never answer"

LOOKS_PER_PROBE: Final = 4
"""While an answer is awaited: the first three of them can show that it is held still, before its deadline passes."""

AFTER_FAILURE_S: Final = 1.0
"""After a failed probe the next one follows soon: three failures of ten seconds each stay below 45 s."""


class _Looks:
    """Looks at intervals whether a process is held still, and ends the asking then. By a timer: most answer at once."""

    def __init__(self, pid: int, interval_s: float, asking: anyio.CancelScope) -> None:
        self._stillness = Stillness(pid)
        self._interval_s = interval_s
        self._asking = asking
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(interval_s, self._look)

    def end(self) -> None:
        """Look no more."""
        self._timer.cancel()

    def _look(self) -> None:
        if self._stillness.look():
            self._asking.cancel()
        else:
            self._timer = self._loop.call_later(self._interval_s, self._look)


class Prober:
    """One ready child's health. `on_verdict` is called when the verdict or its reason changes.

    While a serial server (see `traffic`) works on a call that is within its deadline, its silence is no failure: a
    ping that is sent then may wait until the deadline of that call, and as long as any ping after it. One whose
    process is held still is unhealthy at once, whatever it worked on, unless we hold it ourselves (`is_throttled`).
    """

    def __init__(
        self,
        server: ServerName,
        connection: Connection,
        policy: HealthPolicy,
        era: Era,
        *,
        clock: Clock,
        on_verdict: Callable[[Health, str], None],
        traffic: Traffic | None = None,
        is_throttled: bool = False,
    ) -> None:
        self._server = server
        self._connection = connection
        self._policy = policy
        self._method = "ping" if era is Era.LEGACY else "server/discover"
        self._clock = clock
        self._on_verdict = on_verdict
        self._traffic = traffic
        self._is_throttled = is_throttled
        self._tracker = HealthTracker(policy)
        self._is_asked_for = False
        self._pausing: asyncio.Future[None] | None = None

    def probe_soon(self) -> None:
        """Somebody had trouble with this child: do not wait for the next interval."""
        self._is_asked_for = True
        self._wake()

    async def run(self) -> None:
        """Probe until cancelled."""
        pause_s = self._policy.interval_sec
        while True:
            heard = self._connection.heard
            asked_for = await self._pause(pause_s)
            if self._traffic is not None:
                self._traffic.tick()
            if self._connection.heard > heard and not asked_for:
                # It answered or made progress in the meantime: that is life enough, and it may be busy.
                result = ProbeResult(0.0)
            else:
                result = await self._probe()
            if result.problem:
                self._is_asked_for = False  # its own trouble asks for nothing: the next one follows soon anyway
            self._record(result)
            failed_s = min(AFTER_FAILURE_S, self._policy.interval_sec)
            pause_s = failed_s if result.problem else self._policy.interval_sec

    async def _pause(self, seconds: float) -> bool:
        """Wait; return whether a probe was asked for. By a timer: ending a wait by cancelling it costs more."""
        if self._is_asked_for:
            await anyio.lowlevel.checkpoint()  # a probe may fail without ever waiting: others must have their turn
        else:
            loop = asyncio.get_running_loop()
            self._pausing = loop.create_future()
            timer = loop.call_later(seconds, self._wake)
            try:
                await self._pausing
            finally:
                timer.cancel()
                self._pausing = None
        was_asked_for, self._is_asked_for = self._is_asked_for, False
        return was_asked_for

    def _wake(self) -> None:
        if self._pausing is not None and not self._pausing.done():
            self._pausing.set_result(None)

    def _record(self, result: ProbeResult) -> None:
        before = (self._tracker.health, self._tracker.reason)
        after = (self._tracker.record(result), self._tracker.reason)
        if after != before:
            self._on_verdict(*after)

    async def _probe(self) -> ProbeResult:
        traffic = self._traffic
        if traffic is None:
            return await self._ask_watching(0.0)
        busy_s, flight = traffic.busy_for(), traffic.probing()
        result = ProbeResult(0.0, "cancelled")
        try:
            result = await self._ask_watching(busy_s)
        finally:
            traffic.probed(flight, answered=not result.problem)
        return result

    async def _ask_watching(self, busy_s: float) -> ProbeResult:
        pid = self._connection.pid
        if pid is None or self._is_throttled:
            return await self._ask(busy_s)
        with anyio.CancelScope() as asking:
            looks = _Looks(pid, self._policy.timeout_sec / LOOKS_PER_PROBE, asking)
            try:
                return await self._ask(busy_s)
            finally:
                looks.end()
        return ProbeResult(0.0, HELD, is_certain=True)

    async def _ask(self, busy_s: float) -> ProbeResult:
        began, heard = self._clock.now(), self._connection.heard
        try:
            await self._connection.ask(self._method, b"{}", timeout_s=self._policy.timeout_sec + busy_s)
        except CallTimeout as exc:
            if self._connection.heard > heard:
                return ProbeResult(0.0)  # it makes progress with a call, and will get to the ping
            return ProbeResult(exc.after_s, f"no answer to {self._method} within {exc.after_s:.3g} s")
        except ChildGone as exc:
            return ProbeResult(0.0, exc.reason)
        except GatewayError:
            pass  # an error is an answer too: it lives
        waited_s = self._clock.now() - began
        return ProbeResult(0.0 if busy_s else waited_s)
