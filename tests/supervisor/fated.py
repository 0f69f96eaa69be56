"""A world for one real `Child`: connections with a fate, and a record of what it told. In virtual time."""

from __future__ import annotations

import asyncio
import random
from typing import Any, Protocol

import anyio
import msgspec

from gateway.errors import CallTimeout, ChildGone, HandshakeFailed, SpawnFailed
from gateway.facts import ChildExited, Fact, StateChanged
from gateway.model import HealthPolicy, RestartPolicy, ServerSpec
from gateway.protocol.handshake import Agreed
from gateway.supervisor.causes import Cause
from gateway.supervisor.child import Child
from gateway.supervisor.lifecycle import TABLE, State
from gateway.supervisor.ports import Gone, OnNotify
from gateway.supervisor.process import TransientSpawnFailure
from tests.supervisor.running import spec
from tests.supervisor.scripted import AGREED, ScriptedConnection
from tests.supervisor.virtual import LoopClock

START_S, LADDER_S, NOISE_LIMIT = 60.0, 6.0, 5
HEALTH = HealthPolicy(start_timeout_sec=START_S, noise_limit=NOISE_LIMIT, breaker_failures=0)
POLICIES = (
    RestartPolicy(),
    RestartPolicy(restart="on-failure"),
    RestartPolicy(restart="no"),
    RestartPolicy(
        restart_max_delay_sec=0.8,
        start_limit_burst=4,
        start_limit_interval_sec=60.0,
        reset_after_sec=90.0,
        retry_failed_sec=120.0,
    ),
)
BAD_FATES = ("slow", "never", "refuses", "dies", "cannot", "cannot now", "breaks", "dies young", "no connection")
DEATHS = (
    Gone("exited with status 0", code=0),
    Gone("exited with status 3", code=3),
    Gone("killed by SIGKILL", signal="SIGKILL", cause=Cause.SIGNAL),
    Gone("it does not read its stdin; killed by SIGKILL", signal="SIGKILL", cause=Cause.DEAF),
)
EDGES = {(before, after) for before, row in TABLE.items() for after, _ in row.values()} | {(s, s) for s in State}


class Ground(Protocol):
    """What wants to know which connections there are."""

    def opened(self, connection: Any) -> None: ...

    def closed(self, connection: Any) -> None: ...


class Fated(ScriptedConnection):
    """A connection whose beginning and end are decided by the world."""

    def __init__(self, world: Ground, fate: str, close_s: float) -> None:
        super().__init__()
        self.world, self.fate, self.close_s = world, fate, close_s
        self.is_hung = self.is_open = False
        self.calls: dict[int, asyncio.Future[bytes]] = {}

    async def open(self) -> Agreed:
        self.world.opened(self)
        self.is_open = True
        await anyio.sleep({"slow": START_S - 1, "never": float("inf")}.get(self.fate, 0.01))
        match self.fate:
            case "refuses":
                raise HandshakeFailed("s", "s does not speak MCP with us")
            case "dies":
                self.die()
                raise ChildGone("s", reason="killed by SIGKILL")
            case "cannot":
                raise SpawnFailed("s", "s cannot start", fix="Install it.")
            case "cannot now":
                raise TransientSpawnFailure("s", "s cannot start now")
            case "breaks":
                raise ZeroDivisionError
        return AGREED

    async def ask(
        self,
        method: str,
        params: bytes,
        *,
        timeout_s: float,
        limit_s: float | None = None,
        on_notify: OnNotify | None = None,
        may_cancel: bool = True,
    ) -> bytes:
        if self.gone.is_set():
            raise ChildGone("s", reason=self.ended.reason)
        if method != "tools/call" and not self.is_hung:
            answer: bytes = await super().ask(method, params, timeout_s=timeout_s)
            if method == "tools/list" and self.fate == "dies young":
                self.die()
            return answer
        number = int(msgspec.json.decode(params).get("n", -1))
        future = self.calls[number] = asyncio.get_running_loop().create_future()
        with anyio.move_on_after(timeout_s):
            return await future
        raise CallTimeout("s", timeout_s)

    @property
    def asked_for(self) -> set[int]:
        """The calls that wait here; probes do not count."""
        return {number for number in self.calls if number >= 0}

    def answer_one(self) -> None:
        number = min(self.asked_for, default=-1)
        if number >= 0 and not (future := self.calls.pop(number)).done():
            future.set_result(b"%d" % number)

    def _lose(self, reason: str) -> None:
        for future in self.calls.values():
            if not future.done():
                future.set_exception(ChildGone("s", reason=reason))
        self.gone.set()

    async def close(self, *, grace_s: float) -> Gone:
        if self.is_open and not self.gone.is_set():
            await anyio.sleep(self.close_s)
        self._lose("it was closed")
        await anyio.lowlevel.checkpoint()
        if self.is_open:
            self.world.closed(self)
        return self.ended


class World:
    """A child, what it is connected to, and what it told."""

    def __init__(self, loop: asyncio.AbstractEventLoop, policy: RestartPolicy) -> None:
        self.clock = LoopClock(loop)
        self.fate = "fine"
        self.close_s = 0.05
        self.open: list[Fated] = []
        self.opens = 0
        self.starts: list[float] = []  # that count for the start limit
        self.is_fuzzy = False  # another restart policy came in between: the count is not exact
        self.drained: set[int] = set()
        self.limited_at = self.clock.now()
        self.due = 0.0
        self.is_wanted = self.is_asked = False
        self.facts: list[Fact] = []
        self.problems: list[str] = []
        self.hooks: dict[str, Any] = {}
        self.entered = self.clock.now()
        self.state = State.STOPPED
        self.spec = msgspec.structs.replace(spec("s", restart=policy), health=HEALTH)
        self.child = Child(
            self.spec,
            "",
            clock=self.clock,
            publish=self.told,
            rng=random.Random(1),
            connect=self.connect,
            starting=anyio.CapacityLimiter(1),
        )

    def connect(self, _spec: ServerSpec, **hooks: Any) -> Fated:
        self.hooks = hooks
        self.starts.append(self.clock.now())
        if len(self.exits) != self.child.starts - 1:
            self.problems.append(f"start {self.child.starts} after {len(self.exits)} exits")
        if self.fate == "no connection":
            raise ZeroDivisionError
        return Fated(self, self.fate, self.close_s)

    def opened(self, connection: Fated) -> None:
        if self.open:
            self.problems.append("two connections at once")
        self.open.append(connection)

    def closed(self, connection: Fated) -> None:
        self.open.remove(connection)

    @property
    def exits(self) -> list[ChildExited]:
        return [fact for fact in self.facts if isinstance(fact, ChildExited)]

    def told(self, fact: Fact) -> None:
        self.facts.append(fact)
        if isinstance(fact, ChildExited):
            self.exited(fact)
        if isinstance(fact, StateChanged):
            self.moved(fact, State(fact.state))

    def exited(self, fact: ChildExited) -> None:
        if (fact.uptime_s or 0.0) >= self.spec.restart.reset_after_sec:
            self.starts.clear()
        elif fact.cause == "runtime" and self.starts:
            self.starts.pop()  # planned: it does not count

    def moved(self, fact: StateChanged, after: State) -> None:
        if (self.state, after) not in EDGES:
            self.problems.append(f"{self.state} -> {after} is not in the table")
        if self.state in {State.BACKOFF, State.FAILED} and after is State.STARTING and not self.is_asked:
            self.problems += [] if self.clock.now() > self.due - 0.001 else ["started again before its time"]
        if after is not self.state:
            self.state, self.entered = after, self.clock.now()
            self.due = self.entered + (fact.next_retry_s or 0.0)
        if after is State.READY and (not self.open or self.open[0].gone.is_set()):
            self.problems.append("ready, but with nobody to talk to")
        if fact.reason.startswith("RuntimeMaxSec") and self.open:
            self.drained = self.open[0].asked_for
        if after is State.FAILED:
            if fact.reason.startswith("gave up: it ended") and self.recent != self.spec.restart.start_limit_burst:
                self.problems += [] if self.is_fuzzy else [f"gave up after {self.recent} starts"]
            self.starts.clear()

    @property
    def recent(self) -> int:
        """How many starts count now."""
        interval_s = self.spec.restart.start_limit_interval_sec
        return sum(1 for at in self.starts if self.clock.now() - at <= interval_s)

    def by_hand(self) -> None:
        """Somebody asked for a start: the history is forgotten."""
        self.starts.clear()
        self.is_fuzzy = False
