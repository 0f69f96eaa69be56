"""Many servers in one real daemon: what they cost at rest, and how soon they are all there.

    python bench/many_servers.py [--idle 200] [--rest-s 60] [--cold 50] [--runs 3] [--json]

At rest: processor time of the gateway (its children and learner left out) over a minute with so many idle servers,
and its memory per server (proportional set size with them, less that with one of them). Cold start: so many installed
servers on the official SDK, from the start of the gateway until all are ready, against a shell that starts the same
programs, as many at a time, waits for each one's answers to `initialize` and `tools/list`, and leaves it running.
Ends by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import daemon
import psutil

sys.path.insert(0, str(daemon.ROOT))

from gateway.clock import SystemClock
from gateway.daemon.state import StateDirectory
from gateway.model import Origin, SandboxPolicy, ServerName, ServerSpec, StdioLaunch
from gateway.store.database import Database
from gateway.store.installed import Installed, InstalledServer
from gateway.store.urls import sqlite_url

TINY = ("/bin/sh", str(daemon.ROOT / "tests" / "servers" / "tiny.sh"))
SDK = (sys.executable, str(Path(__file__).with_name("sdk_stdio.py")))
PARALLEL = 4  # gateway.start_parallel
SETTLE_S = 5.0
TRIMMED_S = 35.0
"""The gateway gives memory that it no longer needs back every thirty seconds."""

POLL_REST_S, POLL_START_S = 1.0, 0.1
"""Each look makes the gateway write out a row per server: looked at all the time, that is what would be measured."""

PATIENCE_S = 300.0
ASK = (
    '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},'
    '"clientInfo":{"name":"shell","version":"1"}}}\\n{"jsonrpc":"2.0","method":"notifications/initialized"}\\n'
    '{"jsonrpc":"2.0","id":2,"method":"tools/list","params":{}}\\n'
)


async def furnish(state: Path, count: int, argv: tuple[str, ...]) -> None:
    """Write the rows of so many installed servers."""
    directory = StateDirectory(state)
    directory.prepare()
    db = await Database.open(sqlite_url(directory.store_path), clock=SystemClock())
    try:
        installed = Installed(db)
        for number in range(count):
            launch = StdioLaunch(argv, {"PATH": os.environ["PATH"]})
            name, open_ = ServerName(f"s-{number:03}"), SandboxPolicy(level="none")  # its script is ours, not a package
            spec = ServerSpec(name, f"npm:{name}@1.0.0", Origin.CLI, launch, sandbox=open_)
            await installed.put(InstalledServer(spec, None, 1_700_000_000.0, "1.0.0", from_ref=f"npm:s-{number:03}"))
    finally:
        await db.close()


def memory_bytes(pid: int) -> int:
    """Proportional set size of one process."""
    return int(psutil.Process(pid).memory_full_info().pss)


def own_cpu_s(pid: int) -> float:
    """Processor time of one process, without its children."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def at_rest(folder: Path, count: int, rest_s: float) -> tuple[float, int]:
    """Share of one core, and bytes, of a gateway with so many idle servers."""
    state, config = folder / f"rest-{count}", folder / "rest.toml"
    config.write_text("[tools]\nmax_listed = 1000\n[learning]\nmode = 'off'\n", encoding="utf-8")
    asyncio.run(furnish(state, count, TINY))
    with daemon.started(state, "--config", str(config), "--port", "0") as (process, log):
        gateway = listening_gateway(state, process, log)
        while not all_ready(gateway, count):
            time.sleep(POLL_REST_S)
        time.sleep(SETTLE_S)
        before, began = own_cpu_s(gateway.pid), time.perf_counter()
        time.sleep(rest_s)
        share = (own_cpu_s(gateway.pid) - before) / (time.perf_counter() - began)
        return share, memory_bytes(gateway.pid)


def gateway_start_s(folder: Path, count: int) -> tuple[float, float]:
    """Seconds from the start of the gateway until all its servers are ready; and until it listens."""
    state, config = folder / "cold", folder / "cold.toml"
    config.write_text("[tools]\nmax_listed = 1000\n", encoding="utf-8")
    if not state.exists():
        asyncio.run(furnish(state, count, SDK))
    (state / "daemon.json").unlink(missing_ok=True)
    began = time.perf_counter()
    with daemon.started(state, "--config", str(config), "--port", "0") as (process, log):
        running = listening_gateway(state, process, log)
        listening = time.perf_counter() - began
        while not all_ready(running, count):
            if time.perf_counter() - began > PATIENCE_S:
                raise RuntimeError("not all servers became ready")
            time.sleep(POLL_START_S)
        return time.perf_counter() - began, listening


def listening_gateway(state: Path, process: subprocess.Popen[bytes], log: Path) -> daemon.Daemon:
    """Wait until it listens."""
    daemon.wait_until((state / "daemon.json").exists, process, log)
    told = json.loads((state / "daemon.json").read_text(encoding="utf-8"))
    return daemon.Daemon(told["url"], int(told["pid"]), state, {})


def all_ready(running: daemon.Daemon, count: int) -> bool:
    """Whether every server is ready and shows its tools."""
    rows = running.api("/status")["servers"]
    return len(rows) == count and all(row["state"] == "ready" and row["tools"] for row in rows)


def shell_start_s(folder: Path, count: int) -> float:
    """Seconds that a shell needs for the same: start, ask, wait for both answers, leave it running."""
    pipes = folder / "pipes"
    pipes.mkdir(exist_ok=True)
    one = (
        f'rm -f "{pipes}/$1"; mkfifo "{pipes}/$1"; '
        f"{{ printf '{ASK}'; exec sleep 600; }} | {shlex.join(SDK)} > \"{pipes}/$1\" 2>/dev/null & "
        f'head -n 2 "{pipes}/$1" > /dev/null'
    )
    script = f"seq {count} | xargs -P {PARALLEL} -I N sh -c {shlex.quote(one)} sh N"
    began = time.perf_counter()
    process = subprocess.Popen(["/bin/sh", "-c", script], start_new_session=True)
    try:
        process.wait(PATIENCE_S)
        return time.perf_counter() - began
    finally:
        os.killpg(process.pid, signal.SIGKILL)


def measure(idle: int, rest_s: float, cold: int, runs: int) -> dict[str, Any]:
    """Everything."""
    folder = Path(tempfile.mkdtemp(prefix="mcp-gateway-bench-"))
    try:
        _, alone = at_rest(
            folder, 1, TRIMMED_S
        )  # with one: what the first server of all brings along is not each one's
        share, with_them = at_rest(folder, idle, rest_s)
        pairs = [(gateway_start_s(folder, cold), shell_start_s(folder, cold)) for _ in range(runs + 1)][1:]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    ratios = [gateway / shell for (gateway, _), shell in pairs]
    return {
        "date": time.strftime("%Y-%m-%d"),
        "machine": daemon.machine(),
        "idle": idle,
        "core_percent": round(share * 100, 2),
        "kib_per_server": round((with_them - alone) / (idle - 1) / 1024, 1),
        "cold": cold,
        "gateway_s": round(statistics.median(gateway for (gateway, _), _ in pairs), 2),
        "listening_s": round(statistics.median(listening for (_, listening), _ in pairs), 2),
        "shell_s": round(statistics.median(shell for _, shell in pairs), 2),
        "ratio": round(statistics.median(ratios), 2),
        "ratios": [round(ratio, 2) for ratio in ratios],
    }


def main() -> int:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--idle", type=int, default=200)
    parser.add_argument("--rest-s", type=float, default=60.0)
    parser.add_argument("--cold", type=int, default=50)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON value")
    options = parser.parse_args()
    result = measure(options.idle, options.rest_s, options.cold, options.runs)
    if options.json:
        print(json.dumps(result))
        return 0
    print(f"{result['date']}, {result['machine']}")
    cost = f"{result['core_percent']:.2f} % of one core, {result['kib_per_server']} KiB each"
    print(f"{result['idle']} idle servers    {cost}")
    gateway = f"gateway {result['gateway_s']} s (listening after {result['listening_s']} s)"
    print(f"{result['cold']} servers, cold   {gateway}, shell {result['shell_s']} s: x {result['ratio']}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
