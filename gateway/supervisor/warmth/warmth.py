"""`Warmth`: puts children to rest that nobody uses, and wakes them when somebody does.

A child at rest is a stopped one that the next call starts; whoever was stopped by a person is none. Deciding to put a
child to rest and telling it to stop is one step without a wait, and whoever wants to call is counted as a user before
the first wait: so a call never finds a child that was taken away beneath it. One that comes while the child is still
stopping waits for its next life.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final
from weakref import WeakKeyDictionary

import anyio
import structlog

from gateway.clock import Clock
from gateway.facts import Fact, Publish, StateChanged, ToolsListed, WarmStart
from gateway.model import ServerName, SessionScope, StartPolicy
from gateway.supervisor.calls.calling import ReadyUpstream
from gateway.supervisor.causes import Cause
from gateway.supervisor.child import Child
from gateway.supervisor.keeping.children import Children
from gateway.supervisor.lifecycle import State
from gateway.supervisor.warmth.naps import AT_REST, Nap, idle_limit_s, rest_due, stays_resting
from gateway.supervisor.warmth.prestarts import Prestarts
from gateway.supervisor.warmth.using import UsedUpstream, in_use

log = structlog.get_logger("supervisor")

STOP_RUNGS: Final = 3
MIN_ROUND_S: Final = 0.01  # a clock that stands still must not make this a busy loop


class Warmth:
    """The rest and the use of every child in the set."""

    def __init__(
        self,
        children: Children,
        *,
        clock: Clock,
        publish: Publish,
        knows_tools: Callable[[ServerName], bool],
    ) -> None:
        self._children = children
        self._clock = clock
        self._publish = publish
        self._knows_tools = knows_tools
        self._naps: WeakKeyDictionary[Child, Nap] = WeakKeyDictionary()
        self._listed: WeakKeyDictionary[Child, bool] = WeakKeyDictionary()  # in their present life
        self._poked = anyio.Event()
        self.prestarts = Prestarts()

    async def run(self) -> None:
        """Put to rest whatever is due, until cancelled."""
        while True:
            self._poked = anyio.Event()
            with anyio.move_on_after(self._round()):
                await self._poked.wait()

    # What is asked of it.

    def nap(self, child: Child) -> Nap:
        """What is known of a child's use."""
        nap = self._naps.get(child)
        if nap is None:
            nap = self._naps[child] = Nap(self._clock.now())
        return nap

    def is_resting(self, child: Child) -> bool:
        """Whether the next call starts it."""
        return self.nap(child).is_resting

    def begin(self, child: Child) -> None:
        """A shared child has come into the set: start it, or let it rest until somebody calls it.

        A lazy server whose tools nobody knows is started once, so that they can be shown.
        """
        if not child.spec.start.lazy:
            child.start()
        elif self._knows_tools(child.spec.name):
            self._rest(child, AT_REST)
        else:
            self.nap(child).is_glanced_at = True
            child.start()

    def restart(self, child: Child, reason: str) -> None:
        """It is launched otherwise now: one at rest is started once, so that its tools are known, and rests again."""
        nap = self.nap(child)
        was_resting, was_glanced_at = nap.is_resting, nap.is_glanced_at
        nap.wake(has_run=child.starts > 0)
        nap.is_glanced_at = was_resting or was_glanced_at
        if was_resting:
            child.start()
        else:
            child.restart(reason)

    def wake(self, child: Child) -> None:
        """Start it if it rests; it goes on running if it was only glanced at."""
        nap = self.nap(child)
        is_resting = nap.is_resting
        nap.wake(has_run=child.starts > 0)
        if is_resting:
            child.start()

    def ordered(self, child: Child) -> None:
        """A person says whether it runs: it is not for us to wake it, or to say that it rests."""
        self.nap(child).wake(has_run=child.starts > 0)
        self.prestarts.withdraw(child.spec.name)

    def called(self, child: Child) -> AbstractContextManager[None]:
        """Somebody wants to call it: wake it; inside, it is in use."""
        name = child.spec.name
        if not child.instance and self.prestarts.called(name, self._clock.now()):
            self._publish(WarmStart(self._clock.wall(), name, "used"))
        self.wake(child)
        return in_use(self.nap(child), self._clock)

    def kept(self, child: Child) -> AbstractContextManager[None]:
        """Inside, it is not put to rest."""
        return in_use(self.nap(child), self._clock)

    def noting(self, child: Child, upstream: ReadyUpstream) -> ReadyUpstream | UsedUpstream:
        """The upstream as its caller gets it: where the child may be put to rest, its calls are noted."""
        if idle_limit_s(child.spec, child.instance) is None:
            return upstream
        return UsedUpstream(upstream, self.nap(child), self._clock)

    def patience_s(self, child: Child) -> float | None:
        """How long a caller waits for a child that is started because of calls; None: as for any other."""
        spec = child.spec
        if not (child.instance or stays_resting(spec, child.instance)):
            return None
        waits_s = spec.health.start_timeout_sec + STOP_RUNGS * spec.health.stop_timeout_sec
        return min(waits_s, spec.call.timeout_sec)

    def adopt(self, child: Child, before: StartPolicy) -> None:
        """Its policy may be another one now."""
        nap, spec = self.nap(child), child.spec
        if spec.start != before and nap.is_resting and not stays_resting(spec, child.instance):
            self.wake(child)
        self.poke()

    def prestart(self, child: Child) -> None:
        """Its use is expected: start it if it rests, unless such predictions were mostly wrong. Waits for nothing."""
        name = child.spec.name
        is_meant = child.spec.start.prestart and child.spec.session is SessionScope.SHARED
        if not is_meant or not self.is_resting(child) or not self.prestarts.predicted(name, self._clock.now()):
            return
        log.info("server_started_ahead", server=name)
        self.wake(child)
        self._publish(WarmStart(self._clock.wall(), name, "started"))
        self.poke()

    def heard(self, child: Child, fact: Fact) -> None:
        """Take note of what a child tells."""
        if isinstance(fact, ToolsListed):
            if fact.tools:  # some load theirs only after a while: one without any goes on running
                self._listed[child] = True
        elif isinstance(fact, StateChanged) and fact.state == State.STARTING:
            self._listed.pop(child, None)
        elif isinstance(fact, StateChanged) and fact.state == State.STOPPED:
            if child.instance and self.is_resting(child):  # it held one caller's state, which is lost: nothing to keep
                self._children.drop(child, fact.reason, Cause.IDLE)
            return
        if self._watches(child):
            self.poke()

    def poke(self) -> None:
        """Look again at who is due."""
        self._poked.set()

    # The rounds.

    def _watches(self, child: Child) -> bool:
        return self.nap(child).is_glanced_at or idle_limit_s(child.spec, child.instance) is not None

    def _round(self) -> float:
        """Put to rest what is due; returns the seconds until the next round."""
        now = self._clock.now()
        self._judge(now)
        next_at = self.prestarts.next_due() or math.inf
        for child in self._children.in_set():
            if not self._watches(child):
                continue
            due = self._due(child, now)
            if due is not None and due <= now:
                self._rest(child, self._why(child))
            else:
                # Not ready, or in use: whatever changes that, it is not due before its limit has passed once more.
                limit_s = idle_limit_s(child.spec, child.instance)
                next_at = min(next_at, math.inf if limit_s is None else now + limit_s, due or math.inf)
        return max(next_at - now, MIN_ROUND_S)

    def _due(self, child: Child, now: float) -> float | None:
        nap, uptime_s = self.nap(child), child.uptime_s
        is_listed = not nap.is_glanced_at or child in self._listed
        if child.state is not State.READY or uptime_s is None or not is_listed:
            return None
        in_flight = child.in_flight.count
        return rest_due(nap, child.spec, child.instance, ready_since=now - uptime_s, in_flight=in_flight)

    def _why(self, child: Child) -> str:
        limit_s = idle_limit_s(child.spec, child.instance)
        is_unused = not self.nap(child).is_glanced_at and limit_s is not None
        return f"{AT_REST}; nobody used it for {limit_s:g} s" if is_unused else AT_REST

    def _judge(self, now: float) -> None:
        """Say which servers were started ahead for nothing; without a limit of its own, such a one rests again."""
        for name in self.prestarts.overdue(now):
            self._publish(WarmStart(self._clock.wall(), name, "wasted"))
            child = self._children.get(name)
            if child is None or child.state is not State.READY or self.nap(child).users or child.in_flight.count:
                continue
            if idle_limit_s(child.spec, "") is None:
                self._rest(child, f"{AT_REST}; started ahead, and not used")

    def _rest(self, child: Child, reason: str) -> None:
        nap, before = self.nap(child), child.state
        nap.is_resting, nap.is_glanced_at = True, False
        child.stop(reason, Cause.IDLE)
        if not child.instance and self.prestarts.rested(child.spec.name):
            self._publish(WarmStart(self._clock.wall(), child.spec.name, "wasted"))
        if child.state is before:  # it has never run: nobody else tells
            self._children.voice(child)(
                StateChanged(self._clock.wall(), child.spec.name, child.state, child.health, reason)
            )
