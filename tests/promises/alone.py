"""A supervisor in a process of its own, so that what is measured is the supervisor's alone. Not the daemon.

`python -m tests.promises.alone PLAN` (JSON, see `Plan`) prints one JSON value, see `Seen`. The loop's lag is measured
twice: by the clock (which a loaded machine lengthens) and as processor time that the loop's thread used between two
turns of it (which nothing but our own work lengthens).
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import anyio
import structlog

from gateway.errors import GatewayError
from gateway.model import HealthPolicy, RestartPolicy
from gateway.supervisor.supervisor import Supervisor
from tests.promises.kept import HeardAt, kept
from tests.supervisor.running import call, row, spec

ROOT = Path(__file__).parents[2]
TURN_S = 0.002
MIB = 1 << 20


@dataclass
class Plan:
    """Calls go to `script` one after the other, while another server is called all the time; or it is killed."""

    script: str
    arguments: list[str] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    kills: int = 0
    warm_up: int = 0  # kills that come first and do not count
    noise_limit: int = 0


@dataclass
class Seen:
    """Sizes in bytes, times in seconds."""

    outcomes: list[str] = field(default_factory=list)
    grown: int = 0  # of the resident memory, at its peak
    busy_s: float = 0.0
    lag_s: float = 0.0
    bystander_calls: int = 0
    bystander_pids: int = 0
    restarts: int = 0
    noise: int = 0
    tail_bytes: int = 0
    before: dict[str, int] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)


def run_alone(plan: Plan, *, timeout_s: float) -> Seen:
    """Carry a plan out in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.promises.alone", json.dumps(asdict(plan))],
        cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False, env={**os.environ, "PYTHONPATH": "."},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return Seen(**json.loads(done.stdout.splitlines()[-1]))


def resident(line: str) -> int:
    """A line of our own status: VmRSS is now, VmHWM the peak."""
    text = Path("/proc/self/status").read_text()
    return int(next(row.split()[1] for row in text.splitlines() if row.startswith(line + ":"))) * 1024


def held() -> dict[str, int]:
    """What this process holds now."""
    return {
        "fds": len([*Path("/proc/self/fd").iterdir()]),
        "tasks": len(asyncio.all_tasks()),
        "rss": resident("VmRSS"),
        "children": len(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()),
    }


class Lag:
    """How long the loop was kept from turning."""

    def __init__(self) -> None:
        self.busy_s = self.lag_s = 0.0

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            busy, at = time.thread_time(), time.monotonic()
            await anyio.sleep(TURN_S)
            self.busy_s = max(self.busy_s, time.thread_time() - busy)
            self.lag_s = max(self.lag_s, time.monotonic() - at - TURN_S)


async def bystand(supervisor: Supervisor, seen: Seen) -> None:
    """Call the good server until cancelled; an error ends everything."""
    while True:
        assert await call(supervisor, "good", "echo", text="x") == "x"
        seen.bystander_calls += 1
        await anyio.sleep(0.01)


async def one_call(supervisor: Supervisor, heard: HeardAt, tool: str, arguments: dict[str, Any]) -> str:
    """The text of the answer, or the code of the error."""
    try:
        return (await call(supervisor, "bad", tool, timeout_s=250, **arguments))[:200]
    except GatewayError as exc:
        await heard.until(lambda: row(supervisor, "bad")["state"] in {"ready", "failed"})
        return exc.code


async def kill(heard: HeardAt, supervisor: Supervisor, times: int) -> None:
    """Kill it so often; each time another one is ready before it goes on."""
    pid = row(supervisor, "bad")["pid"]
    for _ in range(times):
        os.kill(pid, signal.SIGKILL)
        pid = await heard.ready_but("bad", pid)
        heard.facts.clear()  # what this test remembers is no leak of the supervisor's


async def carry_out(plan: Plan) -> Seen:
    """Everything that the plan says."""
    seen, lag = Seen(), Lag()
    bad = spec(
        "bad", plan.script, *plan.arguments,
        restart=RestartPolicy(restart_sec=0.01, restart_max_delay_sec=0.02, start_limit_burst=10**6),
        health=HealthPolicy(interval_sec=3600, stop_timeout_sec=0.5, noise_limit=plan.noise_limit),
    )  # fmt: skip
    async with kept(bad, spec("good")) as (supervisor, heard):
        await heard.state("bad", "ready")
        pids = {(await heard.state("good", "ready")).pid}
        await kill(heard, supervisor, plan.warm_up)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lag.run)
            tasks.start_soon(bystand, supervisor, seen)
            await anyio.sleep(0.05)
            seen.before = held()
            for tool, arguments in plan.calls:
                seen.outcomes.append(await one_call(supervisor, heard, tool, arguments))
            await kill(heard, supervisor, plan.kills)
            seen.after = held()
            tasks.cancel_scope.cancel()
        found = row(supervisor, "bad")
        seen.bystander_pids = len(pids | {row(supervisor, "good")["pid"]})
        seen.restarts, seen.noise = found["restarts"], found["noise"]
        seen.tail_bytes = sum(len(line) for line in supervisor.logs(heard_name(), 10**6))
    seen.grown = resident("VmHWM") - seen.before["rss"]
    seen.busy_s, seen.lag_s = lag.busy_s, lag.lag_s
    return seen


def heard_name() -> Any:
    """The name of the one that is watched."""
    return "bad"


def main() -> None:
    """Run."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    plan = Plan(**json.loads(sys.argv[1]))
    print(json.dumps(asdict(anyio.run(carry_out, plan, backend_options={"use_uvloop": True}))))


if __name__ == "__main__":
    main()
