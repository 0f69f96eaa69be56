"""`Supervisor`: the set of children. Satisfies `gateway.endpoint.ports.Upstreams` and publishes facts."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final

import anyio
import httpx
from anyio.abc import TaskStatus

from gateway.clock import Clock
from gateway.errors import HandshakeFailed, NotFound, ServerBusy, ServerNotReady
from gateway.facts import Fact, Publish, ServerForgotten
from gateway.model import ServerName, ServerSpec, SessionScope
from gateway.supervisor.calls.calling import ReadyUpstream
from gateway.supervisor.causes import Cause
from gateway.supervisor.child import ACQUIRE_WAIT_S, Child
from gateway.supervisor.connecting import Connector
from gateway.supervisor.keeping.children import CHANGED, Children
from gateway.supervisor.keeping.instances import Instances, named
from gateway.supervisor.keeping.merging import MergedFollower, merged_tail
from gateway.supervisor.keeping.slots import StartSlots
from gateway.supervisor.keeping.standing_aside import bring_up_beside, came_up, relieve
from gateway.supervisor.lifecycle import State
from gateway.supervisor.limits.limits import Limits
from gateway.supervisor.ports import (
    Confine,
    Confinement,
    Refresh,
    unconfined,
    unknown,
)
from gateway.supervisor.processes.heap import give_back
from gateway.supervisor.processes.strays import Undertaker
from gateway.supervisor.reconcile import Adopt, Replace, Start, Stop, plan
from gateway.supervisor.rows import Warm, status_row
from gateway.supervisor.talking.remote import no_others
from gateway.supervisor.voice import deaths_alone
from gateway.supervisor.warmth.spares import MAX_INSTANCES, Spares
from gateway.supervisor.warmth.using import UsedUpstream
from gateway.supervisor.warmth.warmth import Warmth

HOUSEKEEPING_S: Final = 5.0
"""Between two rounds against zombies; also how long one may wait for whoever started it."""

HEAP_S: Final = 30.0
"""Between two times that freed memory is given back."""

FOLLOW_S: Final = 0.25
"""How often a follower of a log looks for new lines."""


def _unknown(_name: ServerName) -> bool:
    """Nobody remembers any tools: lazy servers are looked at once."""
    return False


class Supervisor:
    """Keeps one child per wanted server, and more for servers that callers do not share."""

    def __init__(
        self,
        *,
        clock: Clock,
        publish: Publish,
        rng: random.Random,
        secrets: Callable[[ServerName], Mapping[str, str]],
        version: str,
        start_parallel: int = 4,
        remote_transport: Callable[[], httpx.AsyncBaseTransport] | None = None,
        refresh: Refresh = no_others,
        confine: Confine = unconfined,
        confinement: Confinement = unknown,
        knows_tools: Callable[[ServerName], bool] = _unknown,
        home: str = "",
        limits: Limits | None = None,
    ) -> None:
        self._clock = clock
        self._publish = publish
        self._rng = rng
        self._confinement = confinement
        self._starting = StartSlots(start_parallel, clock)
        self._specs: dict[ServerName, ServerSpec] = {}
        self._held: set[ServerName] = set()
        self._children = Children(self._child, self._heard)
        self._spares = Spares(self._children, deaths_alone(publish))
        self._warmth = Warmth(self._children, clock=clock, publish=publish, knows_tools=knows_tools)
        self._limits = limits or Limits(clock)
        self._instances = Instances(self._limits.figures)
        self._connect = Connector(
            version=version,
            secrets=secrets,
            remote_transport=remote_transport,
            refresh=refresh,
            confine=confine,
            limits=self._limits,
            home=home,
        )
        self._ticked_at: float | None = None

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Own all children until cancelled; then tell them to stop, the last started one first, and wait for all."""
        ending = anyio.Event()
        async with self._limits.watching(self._all), anyio.create_task_group() as tasks:
            try:
                await tasks.start(self._children.run, ending)
                tasks.start_soon(self._warmth.run)
                task_status.started()
                await self._housekeeping()
            finally:
                ending.set()

    async def apply(self, specs: Sequence[ServerSpec]) -> None:
        """Make this the wanted set. Equal specs keep their process; returns when decided, not when started."""
        for step in plan({spec.name: spec for spec in specs}, self._specs):
            self._children.call_off(step.name if isinstance(step, Stop) else step.spec.name)
            match step:
                case Start(spec):
                    self._specs[spec.name] = spec
                    self._add(spec)
                case Stop(name):
                    self._forget(name)
                case Replace(spec):
                    self._specs[spec.name] = spec
                    self._replace(spec)
                case Adopt(spec):
                    before, self._specs[spec.name] = self._specs[spec.name].start, spec
                    for child in self._children.of(spec.name):
                        child.adopt(spec)
                        self._warmth.adopt(child, before)
                    self._spares.adopt(spec)
                    self._fill(spec)

    async def acquire(
        self, server: ServerName, instance: str = "", *, tool: str = "", caller: str = ""
    ) -> ReadyUpstream | UsedUpstream:
        """Return the ready upstream of `server`: the shared one, or the caller's own where the server asks for that.

        One that rests is started, and waited for as long as its start may take. `tool` and `caller`: whose failures
        count, and among whom turns are shared, when it is busy.

        Raises: ServerNotReady, ServerBusy, BreakerOpen.
        """
        spec = self._specs.get(server)
        if spec is None:
            raise ServerNotReady(server, state=State.STOPPED, reason="no such server")
        is_held = server in self._held
        if spec.session is SessionScope.SHARED or is_held:
            instance = ""
        child = self._children.get(server, instance) or self._add_instance(spec, instance)
        with self._warmth.kept(child) if is_held else self._warmth.called(child):
            wait_s = self._warmth.patience_s(child) or ACQUIRE_WAIT_S
            upstream = await child.upstream(wait_s, tool=tool, party=caller)
        return self._warmth.noting(child, upstream)

    def prestart(self, name: ServerName) -> None:
        """A call to this server is expected soon: start it if it rests. Waits for nothing."""
        child = self._children.get(name)
        if child is not None and name not in self._held:
            self._warmth.prestart(child)

    def resting(self) -> frozenset[ServerName]:
        """The servers that the next call starts."""
        shared = ((name, self._children.get(name)) for name in self._specs)
        return frozenset(name for name, child in shared if child is not None and self._warmth.is_resting(child))

    async def release(self, instance: str) -> None:
        """Stop the children that were started for this instance; it will not come back."""
        for child in self._children.in_set():
            if instance and child.instance == instance:
                self._children.drop(child, "its session ended")
                self._fill(child.spec)

    async def start(self, name: ServerName) -> None:
        """Start a server that was stopped, rests, or has failed. Raises: NotFound."""
        children = self._known(name)
        self._held.discard(name)
        for child in children:
            self._warmth.ordered(child)
            child.start()
        self._fill(self._specs[name])

    async def stop(self, name: ServerName) -> None:
        """Stop a server; it stays stopped until `start`. Returns when it is, or is wanted again. Raises: NotFound."""
        children = self._known(name)
        self._held.add(name)
        self._spares.end(name, "stopped by request")
        self._children.call_off(name)
        for child in children:
            self._warmth.ordered(child)
            child.stop()
        for child in self._children.end_beside(name, "stopped by request"):
            await child.settled()

    async def restart(self, name: ServerName) -> None:
        """Stop a server and start it again; returns at once. Raises: NotFound."""
        children = self._known(name)
        self._held.discard(name)
        self._spares.end(name, "restarted by request")
        self._children.call_off(name)
        for child in children:
            self._warmth.ordered(child)
            child.restart()
        self._fill(self._specs[name])

    async def drain(self, timeout_s: float) -> None:
        """Wait until no call is open, at most this long."""
        with anyio.move_on_after(timeout_s):
            for child in self._children.all():
                await child.in_flight.none()

    def cut_calls(self, reason: str) -> None:
        """Answer every open call with `ChildGone` now; their children begin to stop, for good."""
        for child in self._all():
            child.end(Cause.STOPPED, reason)
            child.stop(reason)

    @property
    def specs(self) -> Mapping[ServerName, ServerSpec]:
        """The wanted set, by name."""
        return dict(self._specs)

    @property
    def ticked_at(self) -> float | None:
        """When the housekeeping came round last (of the clock's `now`); None while it does not run."""
        return self._ticked_at

    def states(self) -> dict[str, str]:
        """Where each server stands, by name in order; unlike `status` this looks at no process."""
        shared = ((name, self._children.get(name)) for name in sorted(self._specs))
        return {name: child.state.value for name, child in shared if child is not None}

    def status(self) -> list[dict[str, Any]]:
        """Return one row per server, in the order of their names."""
        shared = [self._children.get(name) for name in sorted(self._specs)]
        return [self._row(child) for child in shared if child is not None]

    def logs(self, name: ServerName, lines: int = 200) -> list[str]:
        """Return the newest lines that a server wrote to stderr. Raises: NotFound."""
        return merged_tail(self._known(name)[0].stderr, named(self._own(name)), lines)

    async def follow_logs(self, name: ServerName) -> AsyncIterator[str]:
        """Yield each new line, also of the children that come after this one, until closed. Raises: NotFound."""
        follower = MergedFollower(self._known(name)[0].stderr, named(self._own(name)))
        while True:
            shared = self._known(name)[0].stderr if name in self._specs else None
            for line in follower.news(shared, named(self._own(name))):
                yield line
            await anyio.sleep(FOLLOW_S)

    async def hand_over(self, spec: ServerSpec, *, ready_s: float, drain_s: float) -> None:
        """Start a server by another spec beside the child that serves; once it is ready it takes over, without a gap.

        The relieved child may finish its calls, at most `drain_s`. Where nothing serves there is nothing to relieve:
        the spec is applied, and waited for. A server that was stopped stays stopped.

        Whatever is asked of the server meanwhile counts more: then nothing takes over.

        Raises: HandshakeFailed when the new child is not ready within `ready_s`, or something else was asked of the
        server meanwhile; what served goes on serving.
        """
        old, name = self._children.get(spec.name), spec.name
        if old is None or self._children.tasks is None or name in self._held:
            await self.apply([*(one for one in self._specs.values() if one.name != name), spec])
            return
        with self._warmth.kept(old):
            if old.state is not State.READY:
                self._children.call_off(name)
                self._specs[name] = spec
                self._replace(spec)
                await came_up(old, ready_s)
                if self._specs.get(name) is not spec:
                    raise HandshakeFailed(name, f"{name} was not switched: {CHANGED}")
            else:
                new = await bring_up_beside(self._children, old, spec, self._publish, ready_s)
                if not relieve(self._children, old, new, drain_s):
                    raise HandshakeFailed(name, f"{name} was not switched: {CHANGED}")
                self._specs[name] = spec
                self._end_instances(spec)
        self._warmth.poke()

    # The set of children.

    def _all(self) -> list[Child]:
        return self._children.all()

    def _known(self, name: ServerName) -> list[Child]:
        if name not in self._specs:
            raise NotFound(f"there is no server {name!r}", fix="See: mcp-gateway status")
        return self._children.of(name)

    def _own(self, name: ServerName) -> list[Child]:
        """Those of single callers, then those that wait for one."""
        return [*(child for child in self._children.of(name) if child.instance), *self._spares.of(name)]

    def _row(self, child: Child) -> dict[str, Any]:
        row = status_row(
            child,
            self._limits.figures(child.pid),
            instances=sum(1 for one in self._children.of(child.spec.name) if one.instance),
            warm=self._warm(child),
            sandbox=self._confinement(child.spec),
            limits=self._limits.row(child.spec, child.pid),
        )
        return self._instances.speak(row, child, self._own(child.spec.name))

    def _heard(self, child: Child, fact: Fact) -> None:
        self._instances.heard(child, fact)
        self._warmth.heard(child, fact)

    def _warm(self, child: Child) -> Warm:
        nap, record = self._warmth.nap(child), self._warmth.prestarts.record(child.spec.name)
        return Warm(nap.is_resting, nap.woken, self._spares.count(child.spec.name), record.started, record.wasted)

    def _child(self, spec: ServerSpec, instance: str, publish: Publish) -> Child:
        return Child(
            spec,
            instance,
            clock=self._clock,
            publish=publish,
            rng=self._rng,
            connect=self._connect,
            starting=self._starting,
        )

    def _add(self, spec: ServerSpec) -> None:
        """Add a server's shared child."""
        child = self._children.new(spec, "", self._publish)
        if spec.name not in self._held:
            self._warmth.begin(child)
        self._children.put(child)
        self._fill(spec)

    def _add_instance(self, spec: ServerSpec, instance: str) -> Child:
        if len(self._children.of(spec.name)) > MAX_INSTANCES:
            raise ServerBusy(spec.name, MAX_INSTANCES)
        child = self._spares.take(spec.name, instance)
        if child is None:
            child = self._children.new(spec, instance, deaths_alone(self._publish))
            child.start()
            self._children.put(child)
        self._fill(spec, is_called=True)
        return child

    def _fill(self, spec: ServerSpec, *, is_called: bool = False) -> None:
        """See to its spares; a lazy server has some only from its first call on."""
        is_time = is_called or not spec.start.lazy or self._spares.has(spec.name)
        if is_time and spec.name not in self._held:
            self._spares.fill(spec)

    def _replace(self, spec: ServerSpec) -> None:
        child = self._children.get(spec.name)
        if child is not None:
            child.adopt(spec)
            if spec.name not in self._held:
                self._warmth.restart(child, "its configuration changed")
        self._end_instances(spec)

    def _end_instances(self, spec: ServerSpec) -> None:
        """Those of single callers hold their state and end with what they were started by; the next ones are new."""
        for child in self._children.of(spec.name):
            if child.instance:
                self._children.drop(child, "its server was replaced")
        self._spares.end(spec.name, "its server was replaced")
        self._fill(spec)

    def _forget(self, name: ServerName) -> None:
        for child in self._children.of(name):
            self._children.drop(child, "no longer wanted")
        self._spares.end(name, "no longer wanted")
        self._warmth.prestarts.forget(name)
        self._instances.forget(name)
        del self._specs[name]
        self._held.discard(name)
        self._publish(ServerForgotten(self._clock.wall(), name))

    # Against strays.

    async def _housekeeping(self) -> None:
        undertaker, heap_at = Undertaker(), self._clock.now() + HEAP_S
        while True:
            self._ticked_at = self._clock.now()
            await anyio.sleep(HOUSEKEEPING_S)
            await anyio.to_thread.run_sync(undertaker.round)
            if self._clock.now() >= heap_at:
                heap_at = self._clock.now() + HEAP_S
                await anyio.to_thread.run_sync(give_back)
