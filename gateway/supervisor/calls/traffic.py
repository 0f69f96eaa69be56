"""`Traffic`: all calls of one child, over all its lives: their queue, what they say of it, what is held back for that.

It decides nothing by itself: the queue, the breakers, the window and the detector of serial servers do. What stands
here is who is told what, before a call and after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import msgspec
import structlog

from gateway.clock import Clock
from gateway.errors import BreakerOpen, CallTimeout, ChildGone, GatewayError
from gateway.facts import BreakerMoved, Publish
from gateway.model import RemoteLaunch, ServerSpec
from gateway.supervisor.calls.faults import ANSWERED, Fault, fault_of
from gateway.supervisor.calls.queue import CallQueue
from gateway.supervisor.calls.serial import PROBE, Flight, SerialDetector, Trials
from gateway.supervisor.health.breaker import BreakerState
from gateway.supervisor.health.breakers import Breakers, Pass
from gateway.supervisor.health.window import Window
from gateway.supervisor.ports import Connection, OnNotify

log = structlog.get_logger("supervisor")

LONG_CALL_S: Final = 1.0
"""Only a call that took longer than this can make a server too slow; the others need not be looked at."""

MIN_RETRY_S: Final = 1.0
MAX_RETRY_S: Final = 60.0


def _nothing() -> None:
    """Nobody listens yet."""


def _as_it_is(exc: ChildGone) -> ChildGone:
    """Nobody knows more."""
    return exc


class _Call(msgspec.Struct, eq=False):
    """One call at the child."""

    connection: Connection
    passed: Pass | None
    flight: Flight


class Traffic:
    """The calls of one child. `on_trouble`: ask for a sign of life soon; `on_change`: `problem` may have changed."""

    def __init__(
        self,
        spec: ServerSpec,
        *,
        clock: Clock,
        publish: Publish,
        absent: Callable[[], GatewayError] | None = None,
        retold: Callable[[ChildGone], ChildGone] = _as_it_is,
    ) -> None:
        self.spec = spec
        self.on_trouble: Callable[[], None] = _nothing
        self.on_change: Callable[[], None] = _nothing
        self.problem = ""
        """Why the latest calls make it degraded; empty when they do not."""
        self.queue = CallQueue(spec.name, spec.call, self._retry_s, absent)
        self._clock, self._publish, self._retold = clock, publish, retold
        self._serial, self._trials = SerialDetector(), Trials()
        self._breakers = Breakers(spec.health)
        self._window = Window()
        # Calls that were given up, but that a serial server may still work on: (flight's number, until when it may).
        self._left: list[tuple[int, float]] = []
        self._late = 0
        self._connection: Connection | None = None
        self.adopt(spec)

    # What others may know.

    @property
    def count(self) -> int:
        """Calls at the child without an answer so far."""
        return self.queue.count

    def hold(self) -> None:
        """Send it no call from now on: who comes waits for the next life."""
        self.queue.hold()

    async def rest(self) -> None:
        """Wait until no call is open at the child."""
        await self.queue.rest()

    async def none(self) -> None:
        """Wait until no call is open or waits."""
        await self.queue.none()

    @property
    def late(self) -> int:
        """Answers that came after their call was given up, over all lives."""
        return self._late + (self._connection.late if self._connection is not None else 0)

    def row(self) -> dict[str, Any]:
        """Return the fields of the status that speak of calls."""
        now = self._clock.now()
        self.tick()
        return {
            "queued": self.queue.waiting,
            "serial": True if self.queue.is_serial else self._serial.verdict,
            "late_answers": self.late,
            "breaker": self._breakers.server_row(now),
            "breakers": self._breakers.tool_rows(now),
            "calls": self._window.row(now),
        }

    # What the child tells.

    def adopt(self, spec: ServerSpec) -> None:
        """Treat calls by another spec from now on."""
        if spec.launch != self.spec.launch:
            self._serial.forget()
        self.spec, self.queue.policy = spec, spec.call
        self._breakers.adopt(spec.health)
        self._decide_serial()
        self.queue.look()

    def attach(self, connection: Connection) -> None:
        """It is ready: calls go there."""
        self._connection = connection
        connection.on_late = self._free
        if self._is_local:
            self._breakers.came_up(self._clock.now())
            self._tell()
        self.queue.open(connection)

    def detach(self) -> None:
        """It is ready no longer; what was not sent waits for the next life."""
        if self._connection is not None:
            self._late += self._connection.late
            self._connection = None
        self.queue.shut()
        self._serial.forget_open()
        self._left.clear()
        self._window.clear()
        self.problem = ""

    def tick(self) -> None:
        """Let time do its work: pauses of breakers pass, the window moves on."""
        self._breakers.poll(self._clock.now())
        self._tell()
        self._look_at_window()

    # Calls.

    def check(self, tool: str) -> None:
        """Raises: BreakerOpen when a call of this tool would be held back now."""
        hold = self._breakers.held(tool, self._clock.now()) if tool else None
        if self._breakers.has_moved:
            self._tell()
        if hold is not None:
            raise BreakerOpen(self.spec.name, tool=hold.tool, reason=hold.reason, retry_after_s=hold.retry_s)

    async def carry(
        self,
        method: str,
        params: bytes,
        *,
        tool: str,
        party: str,
        timeout_s: float,
        limit_s: float,
        on_notify: OnNotify | None,
    ) -> bytes:
        """Send one request when its turn comes; both deadlines count from now. `tool` is empty for what is no call.

        Raises: BreakerOpen, ServerBusy, ServerNotReady, ChildGone, CallTimeout, RpcError, AnswerTooLarge,
        RemoteProtocolError.
        """
        self.check(tool)
        passed = self._breakers.admit(tool, party) if tool else None
        began = self._clock.now()
        try:
            connection = await self.queue.turn(party, timeout_s)
        except BaseException:
            self._undecided(passed)
            raise
        sent = self._clock.now()
        waited_s = sent - began
        left_s = timeout_s - waited_s
        call = _Call(connection, passed, self._serial.begin(tool or method, sent, sent + left_s))
        if self.queue.is_serial and self.queue.waiting:
            self._try_two(sent)
        try:
            answer = await connection.ask(
                method, params, timeout_s=left_s, limit_s=limit_s - waited_s, on_notify=on_notify
            )
        except BaseException as exc:
            self._failed(call, exc)
            if isinstance(exc, CallTimeout) and waited_s:
                raise exc.after_waiting(waited_s) from exc
            if isinstance(exc, ChildGone) and (told := self._retold(exc)) is not exc:
                raise told from exc
            raise
        else:
            self._answered(call, ANSWERED)
            return answer
        finally:
            self.queue.done()

    def _answered(self, call: _Call, fault: Fault) -> None:
        """It answered, perhaps with what is as good as a failure."""
        now = self._clock.now()
        if self._serial.end(call.flight, now):
            self._decide_serial()
        if call.passed is None:
            return
        took_s = now - call.flight.began
        self._judge(call.passed, fault, now)
        is_bad = bool(fault.reason)
        self._window.record(now, took_s, failed=is_bad)
        if self._breakers.has_moved:
            self._tell()
        if is_bad or self.problem or took_s > LONG_CALL_S:
            self._look_at_window()

    def _judge(self, passed: Pass, fault: Fault, now: float) -> None:
        """Tell the breakers of an answer."""
        if fault.is_complaint:
            self._breakers.complained(passed, now, fault.reason)
        elif fault.is_refusal:
            self._breakers.refused(passed, now, fault.reason)
        elif fault.reason:
            self._breakers.failed(passed, now, fault.reason)
        else:
            self._breakers.succeeded(passed, now)

    def _failed(self, call: _Call, exc: BaseException) -> None:
        fault = fault_of(exc)
        if fault is not None and not fault.is_silence:
            self._answered(call, fault)
            return
        now = self._clock.now()
        self._serial.drop(call.flight)
        if isinstance(exc, CallTimeout | asyncio.CancelledError):
            self._given_up(call, now if isinstance(exc, CallTimeout) else call.flight.deadline)
        if fault is None:
            self._undecided(call.passed)
            return
        if call.passed is not None:
            self._count_silence(call, call.passed, fault, now)
        if isinstance(exc, CallTimeout):
            self.on_trouble()

    def _count_silence(self, call: _Call, passed: Pass, fault: Fault, now: float) -> None:
        is_death = fault.is_end and self._is_local
        self._breakers.failed(passed, now, fault.reason, call.connection if is_death else None)
        self._tell()
        if not is_death:  # what the dead one did says nothing of the next one
            self._window.record(now, now - call.flight.began, failed=True)
            self._look_at_window()

    def _undecided(self, passed: Pass | None) -> None:
        if passed is not None:
            self._breakers.undecided(passed)

    # Serial servers.

    def _try_two(self, now: float) -> None:
        """Now and then look whether it is serial at all: with a second call, and a ping that may overtake both."""
        if self.spec.call.max_in_flight > 1 and self._trials.is_due(now, is_doubted=self._serial.is_doubted):
            self.queue.one_more()
            self.on_trouble()

    def _given_up(self, call: _Call, deadline: float) -> None:
        """A serial server goes on working on it, for all we know: its place stays taken until something is heard."""
        if self.queue.is_serial and self._is_local and call.connection is self._connection:
            self.queue.keep()
            self._left.append((call.flight.number, deadline))
            self.on_trouble()  # the pong will say when it is free

    def _free(self) -> None:
        self._left.clear()
        self.queue.free()

    def busy_for(self) -> float:
        """Seconds for which its silence says nothing: a serial server works on a call that is within its deadline."""
        if not self.queue.is_serial:
            return 0.0
        now = self._clock.now()
        working = [one.deadline for one in self._serial.open if one.kind != PROBE]
        deadlines = [*working, *(deadline for _, deadline in self._left)]
        if not deadlines or min(deadlines) <= now:
            return 0.0
        return max(deadlines) - now

    def probing(self) -> Flight:
        """A ping is about to be sent."""
        return self._serial.begin(PROBE, self._clock.now())

    def probed(self, flight: Flight, *, answered: bool) -> None:
        """That ping was answered, or not in time."""
        if not answered:
            self._serial.drop(flight)
            return
        if self._serial.end(flight, self._clock.now()):
            self._decide_serial()
        if all(number < flight.number for number, _ in self._left):  # it answers in order: those are done
            self._free()

    def _decide_serial(self) -> None:
        """What the configuration says is not for the detector to doubt."""
        verdict = self.spec.call.max_in_flight == 1 or (self._is_local and self._serial.verdict is True)
        if verdict != self.queue.is_serial:
            self.queue.is_serial = verdict
            log.info("serial_server" if verdict else "not_a_serial_server", server=self.spec.name)
            if not verdict:
                self._free()
            self.queue.look()

    @property
    def _is_local(self) -> bool:
        return not isinstance(self.spec.launch, RemoteLaunch)

    # What follows.

    def _look_at_window(self) -> None:
        before, self.problem = self.problem, self._window.problem(self._clock.now())
        if self.problem != before:
            self.on_change()

    def _tell(self) -> None:
        for move in self._breakers.take_moves():
            level = log.warning if move.state is BreakerState.OPEN else log.info
            level(
                "breaker_moved", server=self.spec.name, tool=move.tool, state=move.state.value,
                reason=move.reason, retry_s=move.retry_s,
            )  # fmt: skip
            self._publish(
                BreakerMoved(self._clock.wall(), self.spec.name, move.tool, move.state.value, move.reason, move.retry_s)
            )

    def _retry_s(self) -> float:
        """About when a place may be free: as many services as there are calls ahead, by the pace of late."""
        took_s = self._window.figures(self._clock.now()).p50_s or 0.0
        return min(max(took_s * (self.queue.waiting + 1) / self.queue.limit, MIN_RETRY_S), MAX_RETRY_S)

    def refuse(self, why: Callable[[], GatewayError]) -> None:
        """It will not be ready soon: send away who waits, and who comes, until it is."""
        self.queue.refuse(why)
