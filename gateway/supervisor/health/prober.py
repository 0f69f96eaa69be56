"""Asks a ready child at intervals whether it is alive, and says so when it is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import anyio

from gateway.clock import Clock
from gateway.errors import CallTimeout, ChildGone, GatewayError
from gateway.model import HealthPolicy, ServerName
from gateway.protocol.handshake import Era
from gateway.supervisor.health.verdict import Health, HealthTracker, ProbeResult
from gateway.supervisor.ports import Connection

AFTER_FAILURE_S: Final = 1.0
"""After a failed probe the next one follows soon: three failures of ten seconds each stay below 45 s."""


class Prober:
    """One ready child's health. `on_verdict` is called when the verdict or its reason changes."""

    def __init__(
        self,
        server: ServerName,
        connection: Connection,
        policy: HealthPolicy,
        era: Era,
        *,
        clock: Clock,
        on_verdict: Callable[[Health, str], None],
    ) -> None:
        self._server = server
        self._connection = connection
        self._policy = policy
        self._method = "ping" if era is Era.LEGACY else "server/discover"
        self._clock = clock
        self._on_verdict = on_verdict
        self._tracker = HealthTracker(policy)
        self._soon = anyio.Event()

    def probe_soon(self) -> None:
        """Somebody had trouble with this child: do not wait for the next interval."""
        self._soon.set()

    async def run(self) -> None:
        """Probe until cancelled."""
        pause_s = self._policy.interval_sec
        while True:
            heard = self._connection.heard
            with anyio.move_on_after(pause_s):
                await self._soon.wait()
            asked_for = self._soon.is_set()
            self._soon = anyio.Event()
            if self._connection.heard > heard and not asked_for:
                # It answered or made progress in the meantime: that is life enough, and it may be busy.
                result = ProbeResult(0.0)
            else:
                result = await self._probe()
            self._record(result)
            failed_s = min(AFTER_FAILURE_S, self._policy.interval_sec)
            pause_s = failed_s if result.problem else self._policy.interval_sec

    def _record(self, result: ProbeResult) -> None:
        before = (self._tracker.health, self._tracker.reason)
        after = (self._tracker.record(result), self._tracker.reason)
        if after != before:
            self._on_verdict(*after)

    async def _probe(self) -> ProbeResult:
        began = self._clock.now()
        try:
            await self._connection.ask(self._method, b"{}", timeout_s=self._policy.timeout_sec)
        except CallTimeout as exc:
            return ProbeResult(exc.after_s, f"no answer to {self._method} within {exc.after_s:.3g} s")
        except ChildGone as exc:
            return ProbeResult(0.0, exc.reason)
        except GatewayError:
            pass  # an error is an answer too: it lives
        return ProbeResult(self._clock.now() - began)
