"""What supervision costs and how fast it is: deaths, restarts, neighbours. In one process, with a real supervisor.

    python bench/supervision.py [--deaths 200] [--restarts 1000] [--json]

Measured: from `kill -9` of an idle child to the fact that tells its end; from `kill -9` in the middle of calls to their
answers, also with a grandchild that holds stdout; what 1,000 restarts leave behind; the p99 of calls to a good server
before and while its neighbour misbehaves (a ratio). Ends by itself; the numbers are those of this machine, now.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import random
import signal
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import daemon
import psutil

sys.path.insert(0, str(daemon.ROOT))

from gateway.clock import SystemClock
from gateway.errors import GatewayError
from gateway.facts import ChildExited, Fact, StateChanged
from gateway.model import (
    HealthPolicy,
    Origin,
    ResourceLimits,
    RestartPolicy,
    ServerName,
    ServerSpec,
    StdioLaunch,
)
from gateway.supervisor.supervisor import Supervisor

SERVERS = daemon.ROOT / "tests" / "servers"
ALWAYS = RestartPolicy(restart_sec=0.0, restart_max_delay_sec=0.01, start_limit_burst=10**6)
IN_FLIGHT = 20
PATIENCE_S = 30.0
NEIGHBOUR_S = 8.0
WARM_UP = 100


def spec(name: str, script: str, *arguments: str, **more: Any) -> ServerSpec:
    """A server of tests/servers that always comes back at once."""
    program = "/bin/sh" if script.endswith(".sh") else sys.executable
    launch = StdioLaunch((program, str(SERVERS / script), *arguments))
    more.setdefault("restart", ALWAYS)
    return ServerSpec(name=ServerName(name), from_="command", origin=Origin.CONFIG, launch=launch, **more)


class Told:
    """Facts with the moment they were told."""

    def __init__(self) -> None:
        self.exits: dict[str, list[float]] = {}
        self.ready: dict[str, int] = {}
        self._more = anyio.Event()

    def __call__(self, fact: Fact) -> None:
        if isinstance(fact, ChildExited):
            self.exits.setdefault(fact.server, []).append(time.perf_counter())
        elif isinstance(fact, StateChanged) and fact.state == "ready":
            self.ready[fact.server] = self.ready.get(fact.server, 0) + 1
        self._more.set()

    async def until(self, question: Callable[[], bool]) -> None:
        """Wait until the answer is yes."""
        with anyio.fail_after(PATIENCE_S):
            while not question():
                self._more = anyio.Event()
                await self._more.wait()


@asynccontextmanager
async def supervised(*specs: ServerSpec) -> AsyncIterator[tuple[Supervisor, Told]]:
    """A supervisor that wants these, all ready."""
    told = Told()
    supervisor = Supervisor(
        clock=SystemClock(), publish=told, rng=random.Random(1), secrets=lambda _: {}, version="bench"
    )
    async with anyio.create_task_group() as tasks:
        await tasks.start(supervisor.run)
        await supervisor.apply(list(specs))
        await told.until(lambda: all(told.ready.get(one.name) for one in specs))
        yield supervisor, told
        tasks.cancel_scope.cancel()


def pid_of(supervisor: Supervisor, name: str) -> int:
    """The process of a server."""
    return int(next(row["pid"] for row in supervisor.status() if row["name"] == name))


async def call(supervisor: Supervisor, server: str, tool: str, **arguments: object) -> bytes:
    """Call a tool."""
    upstream = await supervisor.acquire(ServerName(server))
    return await upstream.request("tools/call", json.dumps({"name": tool, "arguments": arguments}).encode())


def spread(values_s: list[float]) -> dict[str, float]:
    """Median, p99 and the worst, in milliseconds."""
    ordered = sorted(values_s)
    at = lambda share: ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000  # noqa: E731
    return {"p50_ms": round(at(0.5), 2), "p99_ms": round(at(0.99), 2), "worst_ms": round(ordered[-1] * 1000, 2)}


async def idle_deaths(count: int, *arguments: str) -> list[float]:
    """Seconds from `kill -9` of an idle child to the fact."""
    found = []
    async with supervised(spec("a", "crasher.py", "--at", "never", *arguments)) as (supervisor, told):
        for number in range(1, count + 1):
            pid = pid_of(supervisor, "a")
            killed = time.perf_counter()
            os.kill(pid, signal.SIGKILL)
            await told.until(lambda n=number: len(told.exits.get("a", [])) >= n)  # type: ignore[misc]
            found.append(told.exits["a"][-1] - killed)
            await told.until(lambda n=number: told.ready["a"] > n)  # type: ignore[misc]
    return found


async def deaths_in_call(count: int) -> list[float]:
    """Seconds from `kill -9` to the answer of each of the calls in flight."""
    found: list[float] = []
    async with supervised(spec("a", "slow.py")) as (supervisor, told):
        for number in range(1, count + 1):
            pid, killed = pid_of(supervisor, "a"), 0.0

            async def one() -> None:
                try:
                    await call(supervisor, "a", "sleep", seconds=60)
                except GatewayError:
                    found.append(time.perf_counter() - killed)  # noqa: B023 - of this round

            async with anyio.create_task_group() as tasks:
                for _ in range(IN_FLIGHT):
                    tasks.start_soon(one)
                await call(supervisor, "a", "cancelled")  # answered after the others were read
                killed = time.perf_counter()
                os.kill(pid, signal.SIGKILL)
            await told.until(lambda n=number: told.ready["a"] > n)  # type: ignore[misc]
    return found


async def many_restarts(count: int) -> dict[str, Any]:
    """Descriptors, tasks and memory after the first hundred restarts and after all of them."""
    us, seen = psutil.Process(), {}
    async with supervised(spec("a", "tiny.sh")) as (supervisor, told):
        for number in range(1, count + WARM_UP + 1):
            os.kill(pid_of(supervisor, "a"), signal.SIGKILL)
            await told.until(lambda n=number: told.ready["a"] > n)  # type: ignore[misc]
            if number in {WARM_UP, count + WARM_UP}:
                gc.collect()
                seen[number] = (us.num_fds(), len(asyncio.all_tasks()), us.memory_info().rss)
    before, after = seen[WARM_UP], seen[count + WARM_UP]
    return {
        "restarts": count,
        "fds": [before[0], after[0]],
        "tasks": [before[1], after[1]],
        "rss_kib": [before[2] // 1024, after[2] // 1024],
    }


async def echoes(supervisor: Supervisor, seconds: float) -> list[float]:
    """Latencies of calls to the good server, one after the other."""
    found, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        began = time.perf_counter()
        await call(supervisor, "good", "echo", text="x")
        found.append(time.perf_counter() - began)
        await anyio.sleep(0.001)
    return found


async def beside(neighbour: ServerSpec, torment: Callable[[Supervisor], Awaitable[None]]) -> dict[str, Any]:
    """The good server's p99 with a neighbour at rest and while it is tormented."""
    async with supervised(spec("good", "echo.py"), neighbour) as (supervisor, _):
        await echoes(supervisor, 1.0)
        before = await echoes(supervisor, NEIGHBOUR_S)
        during: list[float] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_again_and_again, torment, supervisor)
            during = await echoes(supervisor, NEIGHBOUR_S)
            tasks.cancel_scope.cancel()
    quiet, loud = spread(before), spread(during)
    return {"before": quiet, "during": loud, "p99_ratio": round(loud["p99_ms"] / quiet["p99_ms"], 2)}


async def _again_and_again(torment: Callable[[Supervisor], Awaitable[None]], supervisor: Supervisor) -> None:
    while True:
        try:
            await torment(supervisor)
        except GatewayError:
            await anyio.sleep(0.02)


async def crash(supervisor: Supervisor) -> None:
    """It ends whenever it is called."""
    await call(supervisor, "bad", "crash")


async def flood(supervisor: Supervisor) -> None:
    """100 MB on stderr at a time, without a newline."""
    await call(supervisor, "bad", "flood", size=100_000_000)


async def long_lines(supervisor: Supervisor) -> None:
    """10 MB lines that are no messages."""
    await call(supervisor, "bad", "big_noise", size=10_000_000)


NEIGHBOURS = {
    "a crash loop": (spec("bad", "crasher.py"), crash),
    "100 MB floods of stderr": (spec("bad", "bloat.py"), flood),
    "10 MB lines of noise": (
        spec("bad", "bloat.py", health=HealthPolicy(noise_limit=0), limits=ResourceLimits()),
        long_lines,
    ),
}


async def measure(deaths: int, restarts: int) -> dict[str, Any]:
    """Everything."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "machine": daemon.machine(),
        "idle child killed -> its end is told": spread(await idle_deaths(deaths)),
        "... with a grandchild that holds stdout": spread(await idle_deaths(deaths // 4, "--setsid")),
        f"child killed -> {IN_FLIGHT} callers answered": spread(await deaths_in_call(deaths // 4)),
        "restarts": await many_restarts(restarts),
        "neighbours": {name: await beside(*pair) for name, pair in NEIGHBOURS.items()},
    }


def main() -> int:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deaths", type=int, default=200)
    parser.add_argument("--restarts", type=int, default=1000)
    parser.add_argument("--json", action="store_true", help="print one JSON value")
    options = parser.parse_args()
    result = anyio.run(measure, options.deaths, options.restarts, backend_options={"use_uvloop": True})
    if options.json:
        print(json.dumps(result))
        return 0
    print(f"{result['date']}, {result['machine']}")
    for name, found in result.items():
        if isinstance(found, dict) and "p99_ms" in found:
            print(f"{name:<44} p50 {found['p50_ms']:>7.2f}   p99 {found['p99_ms']:>7.2f} ms")
    print("after 1st hundred and all restarts:", result["restarts"])
    for name, found in result["neighbours"].items():
        print(f"p99 beside {name:<26} {found['before']['p99_ms']:.2f} -> {found['during']['p99_ms']:.2f} ms"
              f"  (x {found['p99_ratio']})")  # fmt: skip
    print(f"load after: {os.getloadavg()[0]:.1f}; median of p99s: ", end="")
    print(f"{statistics.median(found['p99_ratio'] for found in result['neighbours'].values()):.2f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
