"""A world for a whole real `Supervisor`: what was asked of it, what it should have come to, and all its connections.

The only thing taken from it is what looks at this machine: its housekeeping among processes, and the figures of pids.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import msgspec

from gateway.errors import GatewayError, HandshakeFailed
from gateway.facts import Fact, ToolsListed
from gateway.model import HealthPolicy, ServerName, ServerSpec, SessionScope, StartPolicy, StdioLaunch
from gateway.supervisor.lifecycle import State
from gateway.supervisor.limits.limits import Limits
from gateway.supervisor.limits.watch import Watched
from gateway.supervisor.processes.figures import Figures
from gateway.supervisor.processes.ring import LineRing
from gateway.supervisor.supervisor import Supervisor
from tests.supervisor.fated import LADDER_S, POLICIES, START_S, Fated
from tests.supervisor.running import spec
from tests.supervisor.virtual import LoopClock

STOP_S = 2.0
DRAIN_S = 20.0
HEALTH = HealthPolicy(start_timeout_sec=START_S, stop_timeout_sec=STOP_S, breaker_failures=0)
STARTS = (
    StartPolicy(),
    StartPolicy(lazy=True, idle_stop_sec=30.0, prestart=True),
    StartPolicy(idle_stop_sec=30.0),
    StartPolicy(lazy=True),
    StartPolicy(keep_warm=2),
)
SESSIONS = {"a": SessionScope.SHARED, "b": SessionScope.SHARED, "c": SessionScope.PER_AGENT}
NAMES = tuple(ServerName(name) for name in SESSIONS)


def version(name: ServerName, number: int, *, start: int = 0, policy: int = 0) -> ServerSpec:
    """One server, launched as this number says."""
    return msgspec.structs.replace(
        spec(name, restart=POLICIES[policy], session=SESSIONS[name]),
        launch=StdioLaunch(("server", f"--version={number}")),
        start=STARTS[start],
        health=HEALTH,
    )


class NoMachine(Limits):
    """Limits that look at no process."""

    @asynccontextmanager
    async def watching(self, children: Callable[[], Iterable[Watched]]) -> AsyncIterator[None]:
        yield

    def figures(self, pid: int | None) -> Figures:
        return Figures()


class Unhoused(Supervisor):
    """Without the look at this machine's processes: worker threads know no virtual time."""

    async def _housekeeping(self) -> None:
        await anyio.sleep_forever()


class Link(Fated):
    """A connection that knows how it was launched, and for whom."""

    def __init__(self, world: SetWorld, launched: ServerSpec, ring: LineRing) -> None:
        super().__init__(world, world.fate, world.close_s)
        self.launched, self.ring = launched, ring
        self.pid = world.opens


@dataclass
class Asked:
    """Something that takes time, with when it must be over."""

    what: str
    name: ServerName
    due: float
    ended: float | None = None
    is_beside: bool = False  # a hand-over from one that serves
    is_overtaken: bool = False  # something newer was asked of that server


class SetWorld:
    """`wanted` and `held`: what the set and what people stopped should be by all that was asked so far."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.clock = LoopClock(loop)
        self.fate, self.close_s = "fine", 0.05
        self.opens = 0
        self.open: list[Link] = []
        self.known: set[ServerName] = set()
        self.wanted: dict[ServerName, ServerSpec] = {}
        self.held: set[ServerName] = set()
        self.asked: list[Asked] = []
        self.removed: list[tuple[ServerName, float]] = []
        self.outcomes: dict[int, str] = {}
        self.calls = 0
        self.problems: list[str] = []
        self.supervisor = Unhoused(
            clock=self.clock,
            publish=self.told,
            rng=random.Random(1),
            secrets=lambda _: {},
            version="0.0-test",
            start_parallel=2,
            knows_tools=lambda name: name in self.known,
            limits=NoMachine(self.clock),
        )
        self.supervisor._connect = self.connect  # type: ignore[assignment]
        self.wishes: dict[str, Callable[[ServerName, int], Awaitable[None]]] = {
            "start": lambda name, _: self.start(name),
            "stop": lambda name, _: self.stop(name),
            "restart": lambda name, _: self.restart(name),
            "remove": lambda name, _: self.remove(name),
            "new": lambda name, number: self.apply(version(name, number)),
            "policy": self.change_policy,
            "hand over": lambda name, number: self.hand_over(version(name, number), 30.0),
            "call": lambda name, _: self.call(name, ""),
            "die": lambda name, _: self.die(name),
        }

    def told(self, fact: Fact) -> None:
        if isinstance(fact, ToolsListed):
            self.known.add(fact.server)

    # Connections.

    def connect(self, launched: ServerSpec, *, stderr: LineRing, **_hooks: Any) -> Link:
        self.opens += 1
        return Link(self, launched, stderr)

    def opened(self, link: Link) -> None:
        if any(other.ring is link.ring for other in self.open):
            self.problems.append(f"a child of {link.launched.name} has two connections")
        self.open.append(link)

    def closed(self, link: Link) -> None:
        self.open.remove(link)

    def links(self, name: ServerName) -> list[Link]:
        """All open ones of a server."""
        return [link for link in self.open if link.launched.name == name]

    # What people ask for: what should come of it is noted at the moment of asking.

    async def apply(self, *specs: ServerSpec) -> None:
        """These instead of what was wanted of the same names."""
        self._want({**self.wanted, **{one.name: one for one in specs}})
        await self.supervisor.apply(list(self.wanted.values()))

    async def change_policy(self, name: ServerName, number: int) -> None:
        restart = POLICIES[number % len(POLICIES)]
        await self.apply(msgspec.structs.replace(self.wanted[name], restart=restart))

    async def die(self, name: ServerName) -> None:
        """The oldest process of a server dies, if there is one."""
        for link in self.links(name)[:1]:
            link.die()

    async def remove(self, name: ServerName) -> None:
        self._want({key: one for key, one in self.wanted.items() if key != name})
        if name in self.supervisor.specs:
            self.held.discard(name)
            self.removed.append((name, self.clock.now()))
        await self.supervisor.apply(list(self.wanted.values()))

    async def start(self, name: ServerName) -> None:
        self.held.discard(name)
        await self.supervisor.start(name)

    async def restart(self, name: ServerName) -> None:
        self.held.discard(name)
        self._overtake(name)
        await self.supervisor.restart(name)

    async def stop(self, name: ServerName) -> None:
        self.held.add(name)
        self._overtake(name)
        asked = self._ask("stop", name, LADDER_S)
        await self.supervisor.stop(name)
        asked.ended = self.clock.now()

    async def hand_over(self, new: ServerSpec, ready_s: float) -> None:
        name, child = new.name, self.supervisor._children.get(new.name)
        self._overtake(name)
        asked = self._ask("hand-over", name, ready_s)
        asked.is_beside = child is not None and child.state is State.READY and name not in self.held
        if not asked.is_beside:
            self.wanted[name] = new
        try:
            await self.supervisor.hand_over(new, ready_s=ready_s, drain_s=DRAIN_S)
            is_other = name not in self.held and self.wanted.get(name) != new
            if asked.is_overtaken and (asked.is_beside or is_other):
                self.problems.append(f"{name} was handed over, though something newer was asked of it")
            if asked.is_beside:
                self.wanted[name] = new
        except HandshakeFailed:
            pass
        finally:
            asked.ended = self.clock.now()

    async def drain(self, timeout_s: float) -> None:
        asked = self._ask("drain", NAMES[0], timeout_s)
        await self.supervisor.drain(timeout_s)
        asked.ended = self.clock.now()

    async def call(self, name: ServerName, instance: str) -> None:
        self.calls += 1
        number, policy = self.calls, spec("a").call
        # Waiting for a start, for a turn, and for the answer.
        asked = self._ask("call", name, START_S + 3 * STOP_S + policy.queue_timeout_sec + policy.timeout_sec)
        try:
            upstream = await self.supervisor.acquire(name, instance, caller=instance)
            answer = await upstream.request("tools/call", msgspec.json.encode({"n": number}))
            outcome = "answered" if int(answer) == number else f"got the answer of {answer!r}"
        except GatewayError as exc:
            outcome = type(exc).__name__
        if number in self.outcomes:
            self.problems.append(f"call {number} ended twice")
        self.outcomes[number] = outcome
        asked.ended = self.clock.now()

    # What may be expected.

    def is_excused(self, name: ServerName) -> int:
        """How many connections of a shared server may be open beside that of the child that serves."""
        ended_at = self.clock.now() - DRAIN_S - LADDER_S - 1
        beside = [one for one in self.asked if one.name == name and one.is_beside]
        gone = [at for at in self.removed if at[0] == name and at[1] >= self.clock.now() - LADDER_S - 1]
        return sum(one.ended is None or one.ended >= ended_at for one in beside) + len(gone)

    def overdue(self) -> list[Asked]:
        """What should be over by now."""
        return [one for one in self.asked if one.ended is None and one.due < self.clock.now()]

    def is_being(self, what: str, name: ServerName) -> bool:
        """Whether that goes on."""
        return any(one.what == what and one.name == name and one.ended is None for one in self.asked)

    def _ask(self, what: str, name: ServerName, within_s: float) -> Asked:
        self.asked.append(Asked(what, name, self.clock.now() + within_s + 1))
        return self.asked[-1]

    def _want(self, wanted: dict[ServerName, ServerSpec]) -> None:
        for name in {*wanted, *self.wanted}:
            if wanted.get(name) != self.wanted.get(name):
                self._overtake(name)
        self.wanted = wanted

    def _overtake(self, name: ServerName) -> None:
        for one in self.asked:
            one.is_overtaken |= one.name == name and one.what == "hand-over" and one.ended is None
