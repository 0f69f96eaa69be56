"""What the promises' tests share: a supervisor with any clock, a bystander that must not notice, and their bounds."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from time import monotonic

import anyio
import psutil

from gateway.clock import Clock, SystemClock
from gateway.facts import Fact, StateChanged
from gateway.model import HealthPolicy, ServerSpec
from gateway.supervisor.supervisor import Supervisor
from tests.supervisor.adopting import adopting
from tests.supervisor.running import Heard, call, row

TENFOLD = 10.0
"""How much longer than promised a loaded machine may take here."""

FAR_S = 3600.0
"""A time that no test lives to see: what is set to it explains nothing."""

UNPROBED = HealthPolicy(interval_sec=FAR_S, timeout_sec=FAR_S, stop_timeout_sec=0.5)
"""No probe can notice anything."""

PACE_S = 0.02


class HeardAt(Heard):
    """Notes when it heard: by the monotonic clock."""

    def __init__(self) -> None:
        super().__init__()
        self._at: list[tuple[str, str, float]] = []

    def __call__(self, fact: Fact) -> None:
        """Take a fact."""
        if isinstance(fact, StateChanged):
            self._at.append((fact.server, fact.state, monotonic()))
        super().__call__(fact)

    def times(self, server: str, state: str) -> list[float]:
        """When this server was told to be in this state."""
        return [at for name, told, at in self._at if (name, told) == (server, state)]

    async def ready_but(self, server: str, *pids: int | None) -> int:
        """Wait until it is ready as another process than these, and return that process's id."""

        def found() -> list[int]:
            return [fact.pid for fact in self.states(server).get("ready", []) if fact.pid and fact.pid not in pids]

        await self.until(lambda: bool(found()))
        return found()[-1]


@asynccontextmanager
async def kept(
    *specs: ServerSpec, clock: Clock | None = None, secrets: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[Supervisor, HeardAt]]:
    """A running supervisor by this clock; at the end every child is stopped."""
    heard = HeardAt()
    supervisor = Supervisor(
        clock=clock or SystemClock(),
        publish=heard,
        rng=random.Random(1),
        secrets=lambda _: secrets or {},
        version="0.0-test",
    )
    with adopting():
        async with anyio.create_task_group() as tasks:
            await tasks.start(supervisor.run)
            await supervisor.apply(list(specs))
            yield supervisor, heard
            tasks.cancel_scope.cancel()


class Bystander:
    """Calls a server over and over; any failure of a call fails the test."""

    def __init__(self, supervisor: Supervisor, name: str) -> None:
        self._supervisor, self._name = supervisor, name
        self.calls = 0
        self.slowest_s = 0.0
        self._answered = anyio.Event()

    async def run(self) -> None:
        """Call until cancelled."""
        while True:
            began = anyio.current_time()
            assert await call(self._supervisor, self._name, "echo", text=str(self.calls)) == str(self.calls)
            self.slowest_s = max(self.slowest_s, anyio.current_time() - began)
            self.calls += 1
            answered, self._answered = self._answered, anyio.Event()
            answered.set()
            await anyio.sleep(PACE_S)

    async def more(self, count: int) -> None:
        """Wait for so many further calls."""
        wanted = self.calls + count
        while self.calls < wanted:
            await self._answered.wait()


@asynccontextmanager
async def undisturbed(supervisor: Supervisor, heard: Heard, name: str = "good") -> AsyncIterator[Bystander]:
    """Around a fault: another server's calls all succeed, its process stays, its health does not move."""
    await heard.state(name, "ready")
    before = row(supervisor, name)
    one = Bystander(supervisor, name)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(one.run)
        await one.more(3)
        yield one
        await one.more(3)
        tasks.cancel_scope.cancel()
    after = row(supervisor, name)
    assert (after["pid"], after["restarts"], after["health"]) == (before["pid"], 0, "healthy")


async def until(question: Callable[[], bool], *, within_s: float = 20.0) -> None:
    """Ask until the answer is yes, for what no fact is told of."""
    with anyio.fail_after(within_s):
        while not question():
            await anyio.sleep(0.01)


def alive(pids: list[int]) -> list[int]:
    """Which of these processes live; a zombie does not."""
    found = []
    for pid in pids:
        try:
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.append(pid)
        except psutil.NoSuchProcess:
            continue
    return found
