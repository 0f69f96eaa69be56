"""`Supervisor`: the set of children. Satisfies `gateway.endpoint.ports.Upstreams` and publishes facts."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final

import anyio
import httpx
import structlog
from anyio.abc import TaskGroup, TaskStatus

from gateway.clock import Clock
from gateway.errors import HandshakeFailed, NotFound, ServerBusy, ServerNotReady
from gateway.facts import Fact, Publish, ServerForgotten
from gateway.model import RemoteLaunch, ServerName, ServerSpec, SessionScope
from gateway.supervisor.calls.calling import ReadyUpstream
from gateway.supervisor.child import Child
from gateway.supervisor.lifecycle import State
from gateway.supervisor.ports import Connection, OnTold
from gateway.supervisor.process import LIVING
from gateway.supervisor.processes.environment import blotter
from gateway.supervisor.processes.figures import Looker
from gateway.supervisor.processes.ring import LineRing
from gateway.supervisor.processes.strays import Undertaker, end_escaped, marked
from gateway.supervisor.reconcile import Adopt, Replace, Start, Stop, plan
from gateway.supervisor.rows import status_row
from gateway.supervisor.talking.remote import RemoteConnection
from gateway.supervisor.talking.stdio import StdioConnection
from gateway.supervisor.voice import Voice

log = structlog.get_logger("supervisor")

HOUSEKEEPING_S: Final = 5.0
"""Between two rounds against strays; also how long a zombie may wait for whoever started it."""

FOLLOW_S: Final = 0.25
"""How often a follower of a log looks for new lines."""

MAX_INSTANCES: Final = 64
"""Own children of one per-agent or per-session server; more callers than that have to take turns."""


def _nobody(_fact: Fact) -> None:
    """Instances tell nobody: the shared child's state and tools stand for the server."""


async def _ready(child: Child, ready_s: float) -> None:
    """Wait until a child is ready. Raises: HandshakeFailed with its own reason, when it gives up or time is over."""
    with anyio.move_on_after(ready_s):
        if await child.came_up():
            return
    raise HandshakeFailed(child.spec.name, f"{child.spec.name} did not become ready: {child.reason}")


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
    ) -> None:
        self._clock = clock
        self._publish = publish
        self._rng = rng
        self._secrets = secrets
        self._version = version
        self._remote_transport = remote_transport
        self._starting = anyio.CapacityLimiter(start_parallel)
        self._specs: dict[ServerName, ServerSpec] = {}
        self._held: set[ServerName] = set()
        self._children: dict[tuple[ServerName, str], Child] = {}
        self._voices: dict[Child, Voice] = {}
        # Beside the set: those that shall take over, and those that were relieved and still answer their last calls.
        self._aside: set[Child] = set()
        self._scopes: dict[int, anyio.CancelScope] = {}
        self._looker = Looker()
        self._tasks: TaskGroup | None = None

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Own all children until cancelled; then stop every one of them, all at once, and return."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            for child in self._all():
                tasks.start_soon(self._keep, child)
            task_status.started()
            await self._housekeeping()

    async def apply(self, specs: Sequence[ServerSpec]) -> None:
        """Make this the wanted set. Equal specs keep their process; returns when decided, not when started."""
        for step in plan({spec.name: spec for spec in specs}, self._specs):
            match step:
                case Start(spec):
                    self._specs[spec.name] = spec
                    self._add(spec, "")
                case Stop(name):
                    self._forget(name)
                case Replace(spec):
                    self._specs[spec.name] = spec
                    self._replace(spec)
                case Adopt(spec):
                    self._specs[spec.name] = spec
                    for child in self._of(spec.name):
                        child.adopt(spec)

    async def acquire(self, server: ServerName, instance: str = "") -> ReadyUpstream:
        """Return the ready upstream of `server`: the shared one, or the caller's own where the server asks for that.

        Raises: ServerNotReady, ServerBusy.
        """
        spec = self._specs.get(server)
        if spec is None:
            raise ServerNotReady(server, state=State.STOPPED, reason="no such server")
        if spec.session is SessionScope.SHARED or server in self._held:
            instance = ""
        child = self._children.get((server, instance)) or self._add_instance(spec, instance)
        return await child.upstream()

    async def release(self, instance: str) -> None:
        """Stop the children that were started for this instance; it will not come back."""
        for (server, owner), child in list(self._children.items()):
            if instance and owner == instance:
                self._drop(server, child, "its session ended")

    async def start(self, name: ServerName) -> None:
        """Start a server that was stopped or has failed. Raises: NotFound."""
        children = self._known(name)
        self._held.discard(name)
        for child in children:
            child.start()

    async def stop(self, name: ServerName) -> None:
        """Stop a server; it stays stopped until `start`. Returns when it is stopped. Raises: NotFound."""
        children = self._known(name)
        self._held.add(name)
        for child in children:
            child.stop()
        for child in children:
            await child.settled()

    async def restart(self, name: ServerName) -> None:
        """Stop a server and start it again; returns at once. Raises: NotFound."""
        children = self._known(name)
        self._held.discard(name)
        for child in children:
            child.restart()

    async def drain(self, timeout_s: float) -> None:
        """Wait until no call is open, at most this long."""
        with anyio.move_on_after(timeout_s):
            for child in self._all():
                await child.in_flight.none()

    @property
    def specs(self) -> Mapping[ServerName, ServerSpec]:
        """The wanted set, by name."""
        return dict(self._specs)

    def status(self) -> list[dict[str, Any]]:
        """Return one row per server, in the order of their names."""
        children = list(self._children.values())
        self._looker.forget_all_but({child.pid for child in children if child.pid is not None})
        return [
            status_row(
                self._children[spec.name, ""],
                self._looker.look(self._children[spec.name, ""].pid),
                instances=sum(1 for child in self._of(spec.name) if child.instance),
            )
            for _, spec in sorted(self._specs.items())
        ]

    def logs(self, name: ServerName, lines: int = 200) -> list[str]:
        """Return the newest lines that a server wrote to stderr. Raises: NotFound."""
        return self._known(name)[0].stderr.tail(lines)

    async def follow_logs(self, name: ServerName) -> AsyncIterator[str]:
        """Yield each new line until the server is forgotten. Raises: NotFound."""
        ring = self._known(name)[0].stderr
        seen = ring.total_lines
        while name in self._specs:
            for line in ring.since(seen):
                yield line
            seen = ring.total_lines
            await anyio.sleep(FOLLOW_S)

    async def hand_over(self, spec: ServerSpec, *, ready_s: float, drain_s: float) -> None:
        """Start a server by another spec beside the child that serves; once it is ready it takes over, without a gap.

        The relieved child may finish its calls, at most `drain_s`. Where nothing serves there is nothing to relieve:
        the spec is applied, and waited for. A server that was stopped stays stopped.

        Raises: HandshakeFailed when the new child is not ready within `ready_s`; what served goes on serving.
        """
        old = self._children.get((spec.name, ""))
        if old is None or self._tasks is None or spec.name in self._held:
            await self.apply([*(one for one in self._specs.values() if one.name != spec.name), spec])
            return
        if old.state is not State.READY:
            self._specs[spec.name] = spec
            self._replace(spec)
            await _ready(old, ready_s)
            return
        new = self._child(spec, "", is_heard=False)
        new.take_after(old)
        self._aside.add(new)
        try:
            new.start()
            self._tasks.start_soon(self._keep, new)
            await _ready(new, ready_s)
        except BaseException:
            self._dismiss(new, "it did not become ready in time")
            raise
        self._relieve(old, new, drain_s)

    def _relieve(self, old: Child, new: Child, drain_s: float) -> None:
        """Put `new` in the place of `old`; nothing is awaited, so nobody sees a moment without a child."""
        name = new.spec.name
        self._aside.discard(new)
        if self._children.get((name, "")) is not old or self._tasks is None:  # forgotten or replaced meanwhile
            self._dismiss(new, "its server changed meanwhile")
            return
        self._voices[old].hush()
        self._aside.add(old)
        self._specs[name] = new.spec
        self._children[name, ""] = new
        for child in self._of(name):
            if child.instance:  # they belong to callers and hold their state; the next ones start by the new spec
                self._drop(name, child, "its server was replaced")
        self._voices[new].speak()
        self._tasks.start_soon(self._retire, old, drain_s)

    async def _retire(self, child: Child, drain_s: float) -> None:
        with anyio.move_on_after(drain_s):
            await child.in_flight.none()
        self._dismiss(child, "another release took over")

    def _dismiss(self, child: Child, reason: str) -> None:
        """End a child that stands aside."""
        self._aside.discard(child)
        if (voice := self._voices.get(child)) is not None:
            voice.hush()
        child.stop(reason)
        scope = self._scopes.get(id(child))
        if scope is not None:
            scope.cancel()

    # The set of children.

    def _all(self) -> list[Child]:
        return [*self._children.values(), *self._aside]

    def _of(self, name: ServerName) -> list[Child]:
        """The shared child first."""
        return [child for (server, _), child in self._children.items() if server == name]

    def _known(self, name: ServerName) -> list[Child]:
        if name not in self._specs:
            raise NotFound(f"there is no server {name!r}", fix="See: mcp-gateway status")
        return self._of(name)

    def _child(self, spec: ServerSpec, instance: str, *, is_heard: bool = True) -> Child:
        voice = Voice(_nobody if instance else self._publish, is_heard=is_heard)
        child = Child(
            spec,
            instance,
            clock=self._clock,
            publish=voice,
            rng=self._rng,
            connect=self._connect,
            starting=self._starting,
        )
        self._voices[child] = voice
        return child

    def _add(self, spec: ServerSpec, instance: str) -> Child:
        child = self._child(spec, instance)
        self._children[spec.name, instance] = child
        if spec.name not in self._held:
            child.start()
        if self._tasks is not None:
            self._tasks.start_soon(self._keep, child)
        return child

    def _add_instance(self, spec: ServerSpec, instance: str) -> Child:
        if len(self._of(spec.name)) > MAX_INSTANCES:
            raise ServerBusy(spec.name, MAX_INSTANCES)
        return self._add(spec, instance)

    def _replace(self, spec: ServerSpec) -> None:
        for child in self._of(spec.name):
            if child.instance:
                self._drop(spec.name, child, "its server was replaced")
                continue
            child.adopt(spec)
            if spec.name not in self._held:
                child.restart()

    def _forget(self, name: ServerName) -> None:
        for child in self._of(name):
            self._drop(name, child, "no longer wanted")
        del self._specs[name]
        self._held.discard(name)
        self._publish(ServerForgotten(self._clock.wall(), name))

    def _drop(self, server: ServerName, child: Child, reason: str) -> None:
        """Take a child out of the set; its own task sees to its end."""
        self._children.pop((server, child.instance), None)
        child.stop(reason)
        scope = self._scopes.get(id(child))
        if scope is not None:
            scope.cancel()

    async def _keep(self, child: Child) -> None:
        """Run one child for as long as it is in the set, or stands aside."""
        if child not in self._all():
            self._voices.pop(child, None)
            return
        with anyio.CancelScope() as scope:
            self._scopes[id(child)] = scope
            try:
                await child.run()
            finally:
                del self._scopes[id(child)]
                self._voices.pop(child, None)

    def _connect(
        self, spec: ServerSpec, *, on_told: OnTold, on_trouble: Callable[[], None], stderr: LineRing, probe: bool
    ) -> Connection:
        secrets = self._secrets(spec.name)
        stderr.clean = blotter(secrets)
        if isinstance(spec.launch, RemoteLaunch):
            return RemoteConnection(
                spec.name,
                spec.launch,
                secrets,
                version=self._version,
                on_told=on_told,
                on_trouble=on_trouble,
                transport=self._remote_transport,
                start_timeout_s=spec.health.start_timeout_sec,
                probe=probe,
            )
        return StdioConnection(
            spec.name,
            spec.launch,
            secrets,
            version=self._version,
            on_told=on_told,
            stderr=stderr,
            start_timeout_s=spec.health.start_timeout_sec,
            probe=probe,
        )

    # Against strays.

    async def _housekeeping(self) -> None:
        undertaker = Undertaker()
        while True:
            await anyio.sleep(HOUSEKEEPING_S)
            await anyio.to_thread.run_sync(undertaker.round)
            found = await anyio.to_thread.run_sync(marked)
            ended = end_escaped(found, LIVING)
            if ended:
                log.warning("escaped_processes_ended", pids=ended)
