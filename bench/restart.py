"""A restart with many installed servers: how soon it serves, and that it asks no registry for anything.

    python bench/restart.py [--servers 200] [--runs 3] [--json]

The servers are installed ones by their rows in the store: shell scripts of one tool each, so that what is measured is
the gateway. The registries' addresses are those of a listener of ours that counts every connection. Measured from the
start of the process: until it listens, until the first `tools/list` with all tools, until /readyz says 200, until every
server is ready; and the connections counted until then and in the seconds after. Exit status 1 when there was one. Ends
by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import shutil
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import daemon

sys.path.insert(0, str(daemon.ROOT))

from startup import first_list, free_port

from gateway.clock import SystemClock
from gateway.daemon.state import StateDirectory
from gateway.model import Origin, SandboxPolicy, ServerName, ServerSpec, StdioLaunch
from gateway.store.database import Database
from gateway.store.installed import Installed, InstalledServer
from gateway.store.urls import sqlite_url

TINY = daemon.ROOT / "tests" / "servers" / "tiny.sh"
AFTERWARDS_S = 3.0  # how long we go on listening for requests once everything is up
PATIENCE_S = 180.0
FIGURES = ("listening", "whole tools/list", "readyz 200", "every server ready")


@dataclass
class Trap:
    """Stands where the registries should be and counts who comes."""

    connections: int = 0
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def run(self) -> None:
        """Count until the listener is shut down."""
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections += 1
                connection.close()


@contextlib.contextmanager
def trap() -> Iterator[Trap]:
    """A trap that is open as long as we are in here."""
    opened = Trap()
    thread = threading.Thread(target=opened.run)
    thread.start()
    try:
        yield opened
    finally:
        opened.listener.shutdown(socket.SHUT_RDWR)
        opened.listener.close()
        thread.join()


async def furnish(state: Path, count: int) -> None:
    """Write the rows of so many installed servers."""
    directory = StateDirectory(state)
    directory.prepare()
    db = await Database.open(sqlite_url(directory.store_path), clock=SystemClock())
    try:
        installed = Installed(db)
        for number in range(count):
            launch = StdioLaunch(("/bin/sh", str(TINY)), {"PATH": "/usr/bin:/bin"})
            name = ServerName(f"tiny-{number:03}")
            spec = ServerSpec(
                name, f"npm:{name}@1.0.0", Origin.CLI, launch, version="1.0.0", sandbox=SandboxPolicy(level="none")
            )  # its script is ours, not a package
            row = InstalledServer(spec, None, 1_700_000_000.0, "1.0.0", from_ref=f"npm:tiny-{number:03}")
            await installed.put(row)
    finally:
        await db.close()


async def when(question: Callable[[], bool], began: float) -> float:
    """Seconds since `began` at which the (blocking) question was first answered with yes."""
    while not await asyncio.to_thread(question):  # noqa: ASYNC110 - another process's state
        await asyncio.sleep(0.01)
    return time.perf_counter() - began


async def whole_list(url: str, tools: int, began: float) -> float:
    """Seconds until a list has so many tools."""
    while await first_list(url) < tools:  # noqa: ASYNC110 - another process's state
        await asyncio.sleep(0.01)
    return time.perf_counter() - began


async def times(state: Path, port: int, count: int, began: float) -> list[float]:
    """The figures, in the order of `FIGURES`."""
    running = daemon.Daemon(f"http://127.0.0.1:{port}/mcp", 0, state, {})

    def answers(path: str) -> bool:
        with contextlib.suppress(OSError):
            return daemon._get(running.url, path, "")[0] == 200  # noqa: SLF001 - one benchmark of another
        return False

    def all_ready() -> bool:
        with contextlib.suppress(OSError, RuntimeError):
            rows = running.api("/status")["servers"]
            return len(rows) == count and all(row["state"] == "ready" and row["tools"] for row in rows)
        return False

    async with asyncio.timeout(PATIENCE_S):
        found = await asyncio.gather(
            when(lambda: answers("/healthz"), began),
            whole_list(running.url, count, began),
            when(lambda: answers("/readyz"), began),
            when(all_ready, began),
        )
    return list(found)


def start(state: Path, config: Path, count: int, registries: str) -> list[float]:
    """Start once, wait until everything is up (and a little longer), stop."""
    port = free_port()
    began = time.perf_counter()
    with daemon.started(state, "--config", str(config), "--port", str(port), registries=registries):
        found = asyncio.run(times(state, port, count, began))
        time.sleep(AFTERWARDS_S)
    return found


def measure(count: int, runs: int) -> dict[str, object]:
    """Start once so that the tools are known, then measure the restarts."""
    folder = Path(tempfile.mkdtemp(prefix="mcp-gateway-bench-"))
    try:
        state, config = folder / "state", folder / "config.toml"
        config.write_text("[tools]\nmax_listed = 1000\nbuiltins = false\n", encoding="utf-8")
        asyncio.run(furnish(state, count))
        with trap() as counting:
            first = start(state, config, count, counting.url)
            restarts = [start(state, config, count, counting.url) for _ in range(runs)]
            requests = counting.connections
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    rows = {name: statistics.median(run[i] for run in restarts) for i, name in enumerate(FIGURES)}
    return {
        "date": time.strftime("%Y-%m-%d"),
        "machine": daemon.machine(),
        "servers": count,
        "runs": runs,
        "requests": requests,
        "first_start_s": dict(zip(FIGURES, first, strict=True)),
        "restart_s": rows,
    }


def main() -> int:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", type=int, default=200)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON value")
    options = parser.parse_args()
    result = measure(options.servers, options.runs)
    if options.json:
        print(json.dumps(result))
    else:
        print(f"{result['date']}, {result['machine']}; {options.servers} servers, median of {options.runs} restarts")
        for name, seconds in result["restart_s"].items():  # type: ignore[attr-defined]
            print(f"{name:<24}{seconds:>8.2f} s")
        print(f"{'connections to registries':<24}{result['requests']:>7}")
    return int(bool(result["requests"]))


if __name__ == "__main__":
    raise SystemExit(main())
