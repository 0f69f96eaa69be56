"""`Lives`: the lives of one child one after the other, each from its connection to the record of its end.

Knows how a life ended and says why; whether another one follows is not decided here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import anyio
import structlog

from gateway.clock import Clock
from gateway.errors import ChildGone, GatewayError, HandshakeFailed, SpawnFailed
from gateway.facts import ChildExited, Publish
from gateway.model import ServerSpec
from gateway.protocol.handshake import Era
from gateway.supervisor.calls.traffic import Traffic
from gateway.supervisor.causes import Cause
from gateway.supervisor.deaths import PLANNED, Deaths, Ending, LastExit, judged
from gateway.supervisor.health.verdict import Health
from gateway.supervisor.life import Connect, Life
from gateway.supervisor.noise import NoiseGauge, noise_reason
from gateway.supervisor.ports import Gone, Slot
from gateway.supervisor.process import TransientSpawnFailure
from gateway.supervisor.processes.ring import LineRing

log = structlog.get_logger("supervisor")

SLOW_END_S: Final = 0.1
"""A dead process is known to be dead sooner; one that is not takes seconds."""

TAIL_LINES: Final = 20
"""How much of its last words the fact of an exit carries."""


@dataclass(frozen=True, slots=True)
class End:
    """How a life ended; `hopeless`: why another try cannot help."""

    gone: Gone
    hopeless: str = ""


class Owner(Protocol):
    """Who is told while a life goes on."""

    def handshaken(self) -> None:
        """It is ready."""
        ...

    def judged(self, health: Health, reason: str) -> None:
        """Its probes and listings say this now."""
        ...

    def too_noisy(self, reason: str) -> None:
        """It says more nonsense than may be borne: it must be cut off before this returns."""
        ...

    def ends_slowly(self, reason: str) -> None:
        """It can no longer be talked to, but is not dead yet."""
        ...

    def cancelled(self) -> None:
        """It is ended with everything else."""
        ...


class Lives:
    """At most one life at a time: `prepare`, then `live`."""

    def __init__(
        self,
        spec: ServerSpec,
        *,
        clock: Clock,
        publish: Publish,
        connect: Connect,
        starting: Slot,
        started: Callable[[], None],
        traffic: Traffic,
    ) -> None:
        self.spec = spec
        self.stderr = LineRing()
        self.deaths = Deaths()
        self.starts = 0
        self.probe = True
        self.present: Life | None = None
        self.ending: Ending | None = None
        self._clock, self._publish, self._connect = clock, publish, connect
        self._starting, self._started = starting, started
        self._old_noise = self._old_lines = 0
        self._gauge = NoiseGauge()
        self._traffic = traffic
        self._phase = anyio.CancelScope()
        self._ready_at: float | None = None

    @property
    def noise(self) -> int:
        """How many messages made no sense, over all lives."""
        return self._old_noise + (self.present.connection.noise if self.present is not None else 0)

    @property
    def is_dead(self) -> bool:
        """Whether the present one can no longer be talked to."""
        return self.present is not None and self.present.connection.gone.is_set()

    def prepare(self) -> None:
        """The next life begins in a moment; `stop` holds for it from here on."""
        self.ending = self._ready_at = None
        self._phase, self._gauge = anyio.CancelScope(), NoiseGauge()

    def stop(self) -> None:
        """Let the present life end: its connection is closed, rung by rung."""
        self._phase.cancel()

    def end_as(self, cause: Cause, reason: str) -> None:
        """Keep the first reason of an end; one that is dead by itself already has its own."""
        if self.ending is None and not self.is_dead:
            self.ending = Ending(cause, reason)

    async def live(self, owner: Owner) -> End:
        """One life, from spawn to exit. Raises nothing but cancellation, and that only when the process is gone."""
        hopeless = ""
        known: Ending | None = None
        try:
            with self._phase:
                await self._begin_and_run(owner)
        except GatewayError as exc:
            known = _ending_of(exc)
            if isinstance(exc, SpawnFailed) and not isinstance(exc, TransientSpawnFailure):
                hopeless = f"{exc.message}. {exc.fix}".strip()
        except anyio.get_cancelled_exc_class():
            owner.cancelled()
            with anyio.CancelScope(shield=True):  # bounded by the stop ladder
                await self._finish(owner, None)
            raise
        except Exception as exc:  # one of the three places: whatever broke is this child's alone
            log.exception("child_task_broke", server=self.spec.name)
            known = Ending(Cause.BUG, f"internal error ({type(exc).__name__})")
        with anyio.CancelScope(shield=True):  # bounded by the stop ladder
            gone = await self._finish(owner, known)
        if gone.cause is Cause.NOISE and self.ending is not None:
            hopeless = self.ending.reason
        return End(gone, hopeless)

    async def _begin_and_run(self, owner: Owner) -> None:
        async with self._starting:
            self._begin_count()
            self.present = life = Life(
                self.spec,
                self._connect,
                stderr=self.stderr,
                probe=self.probe,
                clock=self._clock,
                publish=self._publish,
                on_verdict=owner.judged,
                on_noise=lambda: self._noisy(owner),
                traffic=self._traffic,
            )
            try:
                agreed = await life.begin()
            except (ChildGone, HandshakeFailed) as exc:
                # Some servers end at the first message they do not know: the next start begins the other way.
                never_arrived = isinstance(exc, ChildGone) and exc.ran is False
                self.probe = self.probe if never_arrived else not self.probe
                raise
        self.probe = agreed.era is Era.MODERN
        if not life.connection.gone.is_set():
            self._ready_at = self._clock.now()
            owner.handshaken()
            await life.run(agreed)

    def _begin_count(self) -> None:
        self._started()
        self.starts += 1
        self.deaths.restarted()
        self.stderr.add(f"[mcp-gateway] starting {self.spec.name}")
        self._old_lines = self.stderr.total_lines

    def _noisy(self, owner: Owner) -> None:
        limit = self.spec.health.noise_limit
        if self._gauge.is_too_much(self._clock.now(), limit):
            owner.too_noisy(noise_reason(limit))

    async def _finish(self, owner: Owner, known: Ending | None) -> Gone:
        """Close what is open, find out why it ended, and tell."""
        self.ending = self.ending or known
        life = self.present
        if life is None:
            gone = judged(Gone("it was not started", cause=Cause.SPAWN), self.ending)
            return gone if gone.cause in PLANNED else self._record(gone, None)
        pid = life.connection.pid
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._tell_slow_end, owner)
            gone = await self._close(life)
            tasks.cancel_scope.cancel()
        self._old_noise += life.connection.noise
        self.present = None
        return self._record(judged(gone, self.ending), pid)

    async def _close(self, life: Life) -> Gone:
        try:
            return await life.connection.close(grace_s=self.spec.health.stop_timeout_sec)
        except Exception as exc:  # the same place: a bug in closing must not end the other children
            log.exception("child_not_closed", server=self.spec.name)
            return Gone(f"internal error ({type(exc).__name__})", cause=Cause.BUG)

    async def _tell_slow_end(self, owner: Owner) -> None:
        """A process that lives on behind a closed pipe is stopped rung by rung: show that, and why, meanwhile."""
        await anyio.sleep(SLOW_END_S)
        owner.ends_slowly(self.ending.reason if self.ending is not None else "it stopped talking")

    def _record(self, gone: Gone, pid: int | None) -> Gone:
        wall = self._clock.wall()
        uptime_s = None if self._ready_at is None else self._clock.now() - self._ready_at
        new_lines = self.stderr.total_lines - self._old_lines
        tail = self.stderr.tail(min(TAIL_LINES, new_lines + 1))  # one more: an unfinished line, or that of the start
        self.deaths.add(LastExit(gone, wall, uptime_s, pid))
        self.stderr.add(f"[mcp-gateway] {gone.reason}")
        self._publish(
            ChildExited(
                wall,
                self.spec.name,
                gone.code,
                gone.signal,
                gone.reason,
                cause=gone.cause.value,
                uptime_s=uptime_s,
                was_wanted=gone.cause not in {Cause.STOPPED, Cause.IDLE},
                pid=pid,
                stderr_tail=tuple(tail),
            )
        )
        return gone


def _ending_of(exc: GatewayError) -> Ending:
    if isinstance(exc, ChildGone):
        return Ending(None, exc.reason)  # what its connection knows of its end is the cause
    return Ending(Cause.SPAWN if isinstance(exc, SpawnFailed) else Cause.HANDSHAKE, exc.message)
