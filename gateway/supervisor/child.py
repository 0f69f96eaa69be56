"""`Child`: one task that keeps one server's child: it drives the lifecycle table with a life and timers.

Every decision is a pure module's; what stands here is only who is told what, and in which order.
"""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass
from typing import Final

import anyio
import structlog
from anyio.abc import TaskGroup

from gateway.clock import Clock
from gateway.errors import ChildGone, GatewayError, HandshakeFailed, ServerNotReady, SpawnFailed
from gateway.facts import ChildExited, Publish, StateChanged
from gateway.model import ServerSpec
from gateway.protocol.handshake import Agreed, Era
from gateway.supervisor.calls.calling import InFlight, ReadyUpstream
from gateway.supervisor.health.verdict import Health, may_call
from gateway.supervisor.life import Connect, Life
from gateway.supervisor.lifecycle import Action, Event, Lifecycle, State
from gateway.supervisor.ports import Gone
from gateway.supervisor.process import TransientSpawnFailure
from gateway.supervisor.processes.ring import LineRing
from gateway.supervisor.restart import GiveUp, LeaveStopped, RestartAfter, RestartTracker

log = structlog.get_logger("supervisor")

SLOW_END_S: Final = 0.1
"""A dead process is known to be dead sooner; one that is not takes seconds."""

# What an operator wants to read by itself; the steps between are for debugging.
_LEVELS: Final = {State.READY: logging.INFO, State.BACKOFF: logging.WARNING, State.FAILED: logging.WARNING}

ACQUIRE_WAIT_S: Final = 10.0
"""How long a caller waits for a child that is starting; longer waits are the caller's to repeat."""


@dataclass(frozen=True, slots=True)
class LastExit:
    """How the child ended the last time. `at` in seconds since the epoch."""

    gone: Gone
    at: float


class Child:
    """One server's child (or one instance of it). `instance` is empty for the one everybody shares."""

    def __init__(
        self,
        spec: ServerSpec,
        instance: str,
        *,
        clock: Clock,
        publish: Publish,
        rng: random.Random,
        connect: Connect,
        starting: anyio.CapacityLimiter,
    ) -> None:
        self.spec, self.instance = spec, instance
        self.in_flight = InFlight()
        self.stderr = LineRing()
        self.health = Health.HEALTHY
        self.reason = "not started yet"
        self.starts = 0
        self.last_exit: LastExit | None = None
        self._clock, self._publish, self._connect, self._starting = clock, publish, connect, starting
        self._table = Lifecycle()
        self._tracker = RestartTracker(spec.restart, rng)
        self._wanted = self._again = False
        self._probe_era = True
        self._old_noise = 0
        self._life: Life | None = None
        self._tasks: TaskGroup | None = None
        self._phase, self._timer = anyio.CancelScope(), anyio.CancelScope()
        self._moved = anyio.Event()
        self._ready_at: float | None = None
        self._retry_s: float | None = None
        self._due: float | None = None

    # What others may know.

    @property
    def state(self) -> State:
        """Where it stands in its lifecycle."""
        return self._table.state

    @property
    def pid(self) -> int | None:
        """Its process, while there is one."""
        return self._life.connection.pid if self._life is not None else None

    @property
    def agreed(self) -> Agreed | None:
        """What it speaks, while it is connected."""
        return self._life.agreed if self._life is not None else None

    @property
    def skipped_tools(self) -> int:
        """How many entries of its last tool list were no tools."""
        return self._life.skipped_tools if self._life is not None else 0

    @property
    def uptime_s(self) -> float | None:
        """Seconds since it became ready."""
        return None if self._ready_at is None else self._clock.now() - self._ready_at

    @property
    def next_retry_s(self) -> float | None:
        """Seconds until it is started again by itself."""
        return None if self._due is None else max(0.0, self._due - self._clock.now())

    @property
    def noise(self) -> int:
        """How many messages made no sense, over all its lives."""
        return self._old_noise + (self._life.connection.noise if self._life is not None else 0)

    # What others may ask.

    async def run(self) -> None:
        """Live until cancelled; leaves no process behind."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            if self._wanted:
                self._fire(Event.WANTED)
            await anyio.sleep_forever()

    def start(self) -> None:
        """Somebody wants it, now: a back-off or a failure is forgotten."""
        self._wanted = True
        self._tracker.forget()
        if self.state is State.BACKOFF:
            self._fire(Event.UNWANTED)
        self._again = self.state is State.STOPPING
        if self._tasks is not None:
            self._fire(Event.WANTED)

    def stop(self, reason: str = "stopped by request") -> None:
        """Nobody wants it any more; `settled` waits for the end."""
        self._wanted = self._again = False
        self.reason = reason
        self._fire(Event.UNWANTED)

    def restart(self) -> None:
        """Stop it if it runs, then start it."""
        self._again = self._wanted = True
        self.reason = "restarted by request"
        self._fire(Event.UNWANTED)
        self._start_again()

    def adopt(self, spec: ServerSpec) -> None:
        """Treat it by another spec from now on; the process stays (what is launched differently needs `restart`)."""
        self.spec = spec
        self._tracker.adopt(spec.restart)

    def take_after(self, other: Child) -> None:
        """Begin the way the other one found out: some servers end at the first message they do not know."""
        self._probe_era = other._probe_era

    async def came_up(self) -> bool:
        """Wait until its start is decided: whether it is ready."""
        while self._is_coming:
            await self._moved.wait()
        return self.state is State.READY

    async def settled(self) -> None:
        """Wait until it is stopped. Bounded by its stop ladder."""
        while self.state is not State.STOPPED:
            await self._moved.wait()

    async def upstream(self, wait_s: float = ACQUIRE_WAIT_S) -> ReadyUpstream:
        """Return the ready upstream, waiting a little for a child that is just starting.

        Raises: ServerNotReady.
        """
        with anyio.move_on_after(wait_s):
            while self._is_coming:
                await self._moved.wait()
        life = self._life
        if life is None or life.connection.gone.is_set() or not may_call(self.state, self.health):
            retry_s = 1.0 if self.state is State.STARTING else self.next_retry_s
            raise ServerNotReady(self.spec.name, state=self.state, reason=self.reason, retry_after_s=retry_s)
        return ReadyUpstream(self.spec.name, life.connection, self.spec.call, self.in_flight)

    @property
    def _is_coming(self) -> bool:
        # Wanted and stopped: its task begins (again) at once.
        waits_for = {State.STARTING: True, State.STOPPING: self._again, State.STOPPED: self._wanted}
        return waits_for.get(self.state, False)

    # The lifecycle's driver.

    def _fire(self, event: Event) -> None:
        before = self.state
        for action in self._table.handle(event):
            self._perform(action)
        if self.state is not before:
            self._tell_state()

    def _perform(self, action: Action) -> None:
        match action:
            case Action.SPAWN:
                self._spawn()
            case Action.ADVERTISE:
                self._ready_at = self._clock.now()
                self._tracker.ready(self._ready_at)
            case Action.WITHDRAW:
                self._ready_at = None
            case Action.STOP:
                self._phase.cancel()
            case Action.SCHEDULE_RESTART | Action.SCHEDULE_RETRY:
                self._schedule(Event.DELAY_PASSED if action is Action.SCHEDULE_RESTART else Event.RETRY_DUE)
            case Action.CANCEL_TIMER:
                self._due = None
                self._timer.cancel()

    def _spawn(self) -> None:
        self.reason, self.health, self._due = "starting", Health.HEALTHY, None
        if self._tasks is not None:
            self._tasks.start_soon(self._live)

    def _schedule(self, event: Event) -> None:
        if self._retry_s is not None and self._tasks is not None:
            self._timer = anyio.CancelScope()
            self._due = self._clock.now() + self._retry_s
            self._tasks.start_soon(self._after, self._retry_s, event, self._timer)

    async def _after(self, delay_s: float, event: Event, scope: anyio.CancelScope) -> None:
        with scope:
            await anyio.sleep(delay_s)
            self._due = None
            self._fire(event)

    def _start_again(self) -> None:
        if self._again and self.state is State.STOPPED:
            self._again = False
            self._tracker.forget()
            self._fire(Event.WANTED)

    async def _live(self) -> None:
        """One life, from spawn to exit."""
        self._phase = anyio.CancelScope()
        self._tracker.started(self._clock.now())
        problem = hopeless = ""
        try:
            with self._phase:
                await self._begin_and_run()
        except GatewayError as exc:
            problem = exc.reason if isinstance(exc, ChildGone) else exc.message
            if isinstance(exc, SpawnFailed) and not isinstance(exc, TransientSpawnFailure):
                hopeless = f"{exc.message}. {exc.fix}".strip()
        except anyio.get_cancelled_exc_class():
            self.stop("the gateway is stopping")
            raise
        except Exception as exc:  # one of the three places: whatever broke is this child's alone
            log.exception("child_task_broke", server=self.spec.name)
            problem = f"internal error ({type(exc).__name__})"
        finally:
            with anyio.CancelScope(shield=True):  # bounded by the stop ladder
                gone = await self._close(problem)
            self._exited(gone, hopeless)

    async def _begin_and_run(self) -> None:
        async with self._starting:
            self.starts += 1
            self.stderr.add(f"[mcp-gateway] starting {self.spec.name}")
            self._life = life = Life(
                self.spec,
                self._connect,
                stderr=self.stderr,
                probe=self._probe_era,
                clock=self._clock,
                publish=self._publish,
                on_verdict=self._verdict,
            )
            try:
                agreed = await life.begin()
            except (ChildGone, HandshakeFailed):
                # Some servers end at the first message they do not know: the next start begins the other way.
                self._probe_era = not self._probe_era
                raise
        self._probe_era = agreed.era is Era.MODERN
        if not life.connection.gone.is_set():
            self.health, self.reason = life.verdict
            self._fire(Event.HANDSHAKEN)
            await life.run(agreed)

    async def _close(self, problem: str) -> Gone:
        life = self._life
        if life is None:
            return Gone(problem or self.reason)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._tell_slow_end, problem)
            gone = await life.connection.close(grace_s=self.spec.health.stop_timeout_sec)
            tasks.cancel_scope.cancel()
        self._old_noise += life.connection.noise
        self._life = None
        if not problem or gone.reason in problem:
            return gone
        is_process_end = gone.code is not None or gone.signal is not None
        return Gone(f"{problem} ({gone.reason})" if is_process_end else problem, gone.code, gone.signal)

    async def _tell_slow_end(self, problem: str) -> None:
        """A process that lives on behind a closed pipe is stopped rung by rung: show that, and why, meanwhile."""
        await anyio.sleep(SLOW_END_S)
        if self.state in {State.STARTING, State.READY}:
            self.reason = problem or "it stopped talking"
            self._fire(Event.UNHEALTHY)

    def _exited(self, gone: Gone, hopeless: str) -> None:
        self.last_exit = LastExit(gone, self._clock.wall())
        self.stderr.add(f"[mcp-gateway] {gone.reason}")
        self._publish(ChildExited(self.last_exit.at, self.spec.name, gone.code, gone.signal, gone.reason))
        if not self._wanted or self._again:
            self._fire(Event.EXITED_UNWANTED)
            self._start_again()
            return
        we_stopped_it = self.state is State.STOPPING  # then status 0 is our doing, not its own wish to end
        why = f"{self.reason}; {gone.reason}" if we_stopped_it else gone.reason
        verdict = self._tracker.exited(self._clock.now(), clean=gone.clean and not we_stopped_it, hopeless=hopeless)
        match verdict:
            case RestartAfter(delay_s):
                self.reason, self._retry_s = why, delay_s
                self._fire(Event.EXITED_RETRY)
            case GiveUp(reason, retry_s):
                self.reason = hopeless or f"gave up: {reason}; the last time: {why}"
                self._retry_s = retry_s
                self._fire(Event.EXITED_GAVE_UP)
            case LeaveStopped(reason):
                self.reason, self._wanted = f"{why}; {reason}", False
                self._fire(Event.EXITED_UNWANTED)

    def _verdict(self, health: Health, reason: str) -> None:
        self.health, self.reason = health, reason
        if health is Health.UNHEALTHY:
            self._fire(Event.UNHEALTHY)
        else:
            self._tell_state()

    def _tell_state(self) -> None:
        moved, self._moved = self._moved, anyio.Event()
        moved.set()
        log.log(
            _LEVELS.get(self.state, logging.DEBUG),
            "child_state", server=self.spec.name, state=self.state.value, health=self.health.value,
            pid=self.pid, reason=self.reason, retry_s=self.next_retry_s,
        )  # fmt: skip
        self._publish(
            StateChanged(
                self._clock.wall(), self.spec.name, self.state, self.health, self.reason, self.pid, self.next_retry_s
            )
        )
