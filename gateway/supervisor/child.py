"""`Child`: one task that keeps one server's child: it drives the lifecycle table with a life and timers.

Every decision is a pure module's; what stands here is only who is told what, and in which order.
"""

from __future__ import annotations

import logging
import random
from typing import Final

import anyio
import structlog
from anyio.abc import TaskGroup

from gateway.clock import Clock
from gateway.errors import ChildGone, ServerNotReady
from gateway.facts import Publish, StateChanged
from gateway.model import RemoteLaunch, ServerSpec
from gateway.supervisor.calls.calling import ReadyUpstream
from gateway.supervisor.calls.traffic import Traffic
from gateway.supervisor.causes import Cause
from gateway.supervisor.health.verdict import Health, may_call
from gateway.supervisor.life import Connect
from gateway.supervisor.lifecycle import Action, Event, Lifecycle, State
from gateway.supervisor.lives import End, Lives
from gateway.supervisor.ports import Slot
from gateway.supervisor.restart import GiveUp, LeaveStopped, RestartAfter, RestartTracker
from gateway.supervisor.runtime import Runtime
from gateway.supervisor.seen import Seen

log = structlog.get_logger("supervisor")

# What an operator wants to read by itself; the steps between are for debugging.
_LEVELS: Final = {State.READY: logging.INFO, State.BACKOFF: logging.WARNING, State.FAILED: logging.WARNING}

ACQUIRE_WAIT_S: Final = 10.0
"""How long a caller waits for a child that is starting; longer waits are the caller's to repeat."""

_ALIVE: Final = frozenset({State.STARTING, State.READY})


class Child(Seen):
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
        starting: Slot,
    ) -> None:
        self._tracker = RestartTracker(spec.restart, rng)
        traffic = Traffic(spec, clock=clock, publish=publish, absent=self._not_ready, retold=self._retold)
        lives = Lives(
            spec,
            clock=clock,
            publish=publish,
            connect=connect,
            starting=starting,
            started=lambda: self._tracker.started(clock.now()),
            traffic=traffic,
        )
        super().__init__(spec, instance, clock=clock, lives=lives, traffic=traffic)
        self._publish = publish
        self._table = Lifecycle()
        self._wanted = self._again = False
        self._stops = 0  # how often it has come to rest
        self.is_relieved = False  # another child serves in its place
        self._tasks: TaskGroup | None = None
        self._runtime = Runtime(traffic, on_over=self._runtime_over, on_drained=self._drained)
        self._moved = anyio.Event()
        self._retry_s: float | None = None

    @property
    def state(self) -> State:
        """Where it stands in its lifecycle."""
        return self._table.state

    @property
    def is_draining(self) -> bool:
        """Whether it only finishes the calls it has, to be started anew."""
        return self._runtime.is_over

    # What others may ask.

    async def run(self) -> None:
        """Live until cancelled; leaves no process behind."""
        try:
            async with anyio.create_task_group() as tasks:
                self._tasks = tasks
                if self._wanted:
                    self._fire(Event.WANTED)
                await anyio.sleep_forever()
        finally:
            self._tasks = None
            self.traffic.refuse(self._not_ready)

    def start(self) -> None:
        """Somebody wants it, now: a back-off or a failure is forgotten."""
        self._wanted = True
        self._tracker.forget()
        if self.state is State.BACKOFF:
            self._fire(Event.UNWANTED)
        self._again = self.state is State.STOPPING
        if self._tasks is not None:
            self._fire(Event.WANTED)

    def stop(self, reason: str = "stopped by request", cause: Cause = Cause.STOPPED) -> None:
        """Nobody wants it any more; `settled` waits for the end."""
        self._wanted = self._again = False
        self.reason = reason
        self._end_as(cause, reason)
        self._fire(Event.UNWANTED)

    def restart(self, reason: str = "restarted by request") -> None:
        """Stop it if it runs, then start it."""
        self._again = self._wanted = True
        self.reason = reason
        self._end_as(Cause.STOPPED, self.reason)
        self._fire(Event.UNWANTED)
        self._start_again()

    def end(self, cause: Cause, reason: str, *, at_once: bool = False) -> None:
        """End the present life for this cause; its restart policy decides what comes next.

        Open calls get ChildGone with this reason now. `at_once` kills it and all that it started, instead of asking
        it to end first. Without a life there is nothing to end.
        """
        is_alive = self.state in _ALIVE
        if is_alive:
            self.reason = reason
            self._end_as(cause, reason)
        life = self._lives.present
        if life is not None and (is_alive or at_once):
            life.connection.cut(reason, cause, at_once=at_once)
        if is_alive:
            self._fire(Event.UNHEALTHY)

    def adopt(self, spec: ServerSpec) -> None:
        """Treat it by another spec from now on; the process stays (what is launched differently needs `restart`)."""
        self.spec = self._lives.spec = spec
        self._tracker.adopt(spec.restart)
        self.traffic.adopt(spec)
        if self.state is State.READY and not self.is_draining:
            self._time_runtime()

    def take_after(self, other: Child) -> None:
        """Begin the way the other one found out: some servers end at the first message they do not know."""
        self._lives.probe = other._lives.probe

    async def came_up(self) -> bool:
        """Wait until its start is decided: whether it is ready."""
        while self._is_coming:
            await self._moved.wait()
        return self.state is State.READY

    async def settled(self) -> None:
        """Wait until it is stopped, also if somebody starts it again meanwhile. Bounded by its stop ladder."""
        stops = self._stops
        while self.state is not State.STOPPED and self._stops == stops and not self._wanted:
            await self._moved.wait()

    async def upstream(self, wait_s: float = ACQUIRE_WAIT_S, *, tool: str = "", party: str = "") -> ReadyUpstream:
        """Return the ready upstream, waiting a little for a child that is just starting (or starts anew as planned).

        For a call of `tool`; calls of one `party` never keep another's waiting for all of them. Of one that only
        finishes its calls, the queue hands out the next life.

        Raises: ServerNotReady, BreakerOpen.
        """
        self.traffic.check(tool)
        began = self._clock.now()
        with anyio.move_on_after(wait_s):
            while self._is_coming:
                await self._moved.wait()
        life = self._lives.present
        if life is None or self._lives.is_dead or not may_call(self.state, self.health):
            raise self._not_ready()
        return ReadyUpstream(self.traffic, tool=tool, party=party, waited_s=self._clock.now() - began)

    def _not_ready(self) -> ServerNotReady:
        retry_s = 1.0 if self.state is State.STARTING else self.next_retry_s
        if self.state is State.STOPPING and self._wanted and self.spec.restart.restart != "no":
            retry_s = self.spec.health.stop_timeout_sec + self.spec.restart.restart_sec  # at most, if it may come back
        return ServerNotReady(self.spec.name, state=self.state, reason=self.reason, retry_after_s=retry_s)

    def _retold(self, exc: ChildGone) -> ChildGone:
        """A call's end, with what only we know: why its server was ended, and whether it comes back."""
        ending, policy = self._lives.ending, self.spec.restart.restart
        if ending is None and not self._lives.is_dead:
            return exc  # a remote one that did not answer just this call
        reason = exc.reason
        if ending is not None and not reason.startswith(ending.reason):
            reason = f"{ending.reason}; {reason}"
        comes_back: bool | None = self._again or (self._wanted and policy != "no")
        if self.is_relieved or self.instance or (comes_back and not self._again and policy == "on-failure"):
            comes_back = None
        return ChildGone(exc.server, reason=reason, stderr_tail=exc.stderr_tail, ran=exc.ran, comes_back=comes_back)

    @property
    def _is_far(self) -> bool:
        """Whether it will not be ready within the time that a call may wait."""
        if self.state is State.BACKOFF:
            return (self.next_retry_s or 0.0) > self.spec.call.queue_timeout_sec
        return self.state in {State.STOPPED, State.FAILED} and not self._is_coming

    @property
    def _is_coming(self) -> bool:
        match self.state:
            case State.STARTING:
                return True
            case State.READY:  # just lost: its state is about to move
                return self._lives.is_dead
            case State.STOPPING:
                return self._again or self._ends_as_planned
            case State.STOPPED:  # and wanted: its task begins (again) at once
                return self._wanted
            case _:
                return False

    @property
    def _ends_as_planned(self) -> bool:
        ending = self._lives.ending
        return ending is not None and ending.cause is Cause.RUNTIME

    # The lifecycle's driver.

    def _fire(self, event: Event) -> None:
        before = self.state
        for action in self._table.handle(event):
            self._perform(action)
        if self.state is not before:
            self._stops += self.state is State.STOPPED
            self._tell_state()

    def _perform(self, action: Action) -> None:
        match action:
            case Action.SPAWN:
                self._spawn()
            case Action.ADVERTISE:
                self._advertise()
            case Action.WITHDRAW:
                self._ready_at = None
                self._runtime.cancel()
                self.traffic.detach()
            case Action.STOP:
                self._lives.stop()
            case Action.SCHEDULE_RESTART | Action.SCHEDULE_RETRY:
                event = Event.DELAY_PASSED if action is Action.SCHEDULE_RESTART else Event.RETRY_DUE
                if self._retry_s is not None and self._tasks is not None:
                    self._retry.set(self._tasks, self._retry_s, lambda: self._fire(event))
            case Action.CANCEL_TIMER:
                self._retry.cancel()

    def _advertise(self) -> None:
        self._ready_at = self._clock.now()
        self._tracker.ready(self._ready_at)
        self._time_runtime()
        if self._lives.present is not None:
            self.traffic.attach(self._lives.present.connection)

    def _spawn(self) -> None:
        self.reason, self.health = "starting", Health.HEALTHY
        self._lives.prepare()
        if self._tasks is not None:
            self._tasks.start_soon(self._live)

    def _start_again(self) -> None:
        if self._again and self.state is State.STOPPED and self._tasks is not None:
            self._again = False
            self._tracker.forget()
            self._fire(Event.WANTED)

    def _end_as(self, cause: Cause, reason: str) -> None:
        if self.state in _ALIVE:
            self._lives.end_as(cause, reason)

    def _time_runtime(self) -> None:
        limit_s = self.spec.limits.runtime_max_sec
        left_s = None if limit_s is None else limit_s - (self.uptime_s or 0.0)
        if self._tasks is not None:
            self._runtime.limit(self._tasks, left_s, self.spec.call.max_timeout_sec)

    def _runtime_over(self) -> None:
        self.reason = "RuntimeMaxSec has passed: it finishes its calls, then it is started anew"
        self._tell_state()

    def _drained(self) -> None:
        self.end(Cause.RUNTIME, "runtime: RuntimeMaxSec has passed")

    async def _live(self) -> None:
        try:
            end = await self._lives.live(self)
        except anyio.get_cancelled_exc_class():
            self._fire(Event.EXITED_UNWANTED)
            raise
        self._decide(end)

    def _decide(self, end: End) -> None:
        """What comes after this end."""
        if not self._wanted or self._again:
            self._fire(Event.EXITED_UNWANTED)
            self._start_again()
            return
        now, gone, hopeless = self._clock.now(), end.gone, end.hopeless
        if self._ends_as_planned:
            self._tracker.planned_exit(now)
            self._fire(Event.EXITED_AGAIN)
            return
        clean = gone.clean and gone.cause is Cause.EXIT  # else status 0 was our doing, not its own wish to end
        match self._tracker.exited(now, clean=clean, hopeless=hopeless):
            case RestartAfter(delay_s):
                self.reason, self._retry_s = gone.reason, self._tracker.at_least(delay_s, gone.retry_after_s)
                self._fire(Event.EXITED_RETRY)
            case GiveUp(reason, retry_s):
                said = f"gave up: {reason}; the last time: {gone.reason}"
                self.reason = (f"{hopeless}; {reason}" if reason != hopeless else hopeless) if hopeless else said
                self._retry_s = retry_s
                self._fire(Event.EXITED_GAVE_UP)
            case LeaveStopped(reason):
                self.reason, self._wanted = f"{gone.reason}; {reason}", False
                self._fire(Event.EXITED_UNWANTED)

    # What a life tells its owner.

    def handshaken(self) -> None:
        """It is ready."""
        if self._lives.present is not None:
            self.health, self.reason = self._lives.present.verdict
        self._fire(Event.HANDSHAKEN)

    def judged(self, health: Health, reason: str) -> None:
        """Its probes and listings say this now."""
        if self._lives.ending is not None:
            return
        self.health = health
        if health is Health.UNHEALTHY:
            self.end(Cause.LOST if isinstance(self.spec.launch, RemoteLaunch) else Cause.HANG, reason)
        elif not self.is_draining:
            self.reason = reason
            self._tell_state()

    def too_noisy(self, reason: str) -> None:
        """It says more nonsense than may be borne."""
        self.end(Cause.NOISE, reason, at_once=True)

    def ends_slowly(self, reason: str) -> None:
        """It can no longer be talked to, but is not dead yet."""
        if self.state in _ALIVE:
            self.reason = reason
            self._fire(Event.UNHEALTHY)

    def cancelled(self) -> None:
        """It is ended with everything else; the reason that was given before stays."""
        self.stop("the gateway is stopping" if self._wanted else self.reason)

    def _tell_state(self) -> None:
        moved, self._moved = self._moved, anyio.Event()
        moved.set()
        if self._is_far:
            self.traffic.refuse(self._not_ready)
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
