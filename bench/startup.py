"""What a user waits for and what stays in memory: whole processes, from their start to their answer.

    python bench/startup.py [--runs 7] [--state-dir DIR] [--json]

Measured: `--help`, `status` against a running daemon, the bridge's first answer, a start with servers that are there
already until `tools/list` answers with all of their tools, and the daemon at rest without children and learner. Each
figure is the median of the runs. Without --state-dir the servers are three of tests/servers; with it, those of a
stopped gateway's state directory. Fails when torch is mapped into the daemon, or when a list missed tools. Loopback
only; ends by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import daemon
import psutil
from mcp_client import REVISION, Client

SERVERS = ("echo.py", "rich.py", "slow.py")
PATIENCE_S = 60.0
RETRY_S = 0.005
MIB = 2**20
PARTIAL = "lists before it that missed tools"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: what, in which unit, the median and the extremes of its runs."""

    figure: str
    unit: str
    median: float
    least: float
    most: float

    @classmethod
    def of(cls, figure: str, unit: str, values: list[float]) -> Figure:
        """Sum up the runs."""
        return cls(figure, unit, statistics.median(values), min(values), max(values))


def took_s(work: Callable[[], object]) -> float:
    """Seconds that something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def command_line(running: daemon.Daemon, *arguments: str) -> str:
    """Run one verb as a user would and return what it printed. Raises: CalledProcessError."""
    done = subprocess.run(
        [*daemon.COMMAND, *arguments], env=dict(running.environment), capture_output=True, text=True, check=True
    )
    return done.stdout


def bridge_s(running: daemon.Daemon) -> float:
    """Seconds from the bridge's start to its first answer."""
    params = {"protocolVersion": REVISION, "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
    hello = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}).encode() + b"\n"
    began = time.perf_counter()
    process = subprocess.Popen(
        [*daemon.COMMAND, "bridge"], env=dict(running.environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(hello)
    process.stdin.flush()
    answer = json.loads(process.stdout.readline())
    took = time.perf_counter() - began
    process.stdin.close()
    process.wait(10)
    if "result" not in answer:
        raise RuntimeError(f"the bridge answered {answer}")
    return took


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


async def first_list(url: str) -> int:
    """Ask in new sessions until there is an answer; return how many tools are listed."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                async with Client(url, {"Authorization": f"Bearer {daemon.TOKEN}"}) as client:
                    return len(await client.tools())
            except OSError:
                await asyncio.sleep(RETRY_S)


async def whole_list(url: str, tools: int) -> int:
    """Ask until every tool is listed; return how many lists were not whole."""
    for partial in itertools.count():
        if await first_list(url) >= tools:
            return partial
        await asyncio.sleep(RETRY_S)
    raise AssertionError("the count never ends")


def warm_start(state: Path, arguments: tuple[str, ...], tools: int) -> tuple[float, int]:
    """Seconds from `serve` to its first whole list, and how many lists before it were not whole."""
    port = free_port()
    began = time.perf_counter()
    with daemon.started(state, "--port", str(port), *arguments):
        partial = asyncio.run(asyncio.wait_for(whole_list(f"http://127.0.0.1:{port}/mcp", tools), PATIENCE_S))
        return time.perf_counter() - began, partial


def at_rest(folder: Path, runs: int) -> Iterator[Figure]:
    """The daemon's and its keeper's memory with no server configured, after it answered once."""
    file = folder / "empty.toml"
    file.write_text("[gateway]\n", encoding="utf-8")
    ours, keepers = [], []
    for _ in range(runs):
        with daemon.running(folder / "rest", "--config", str(file)) as running:
            asyncio.run(first_list(running.url))
            check_torch(running.pid)
            process = psutil.Process(running.pid)
            ours.append(process.memory_info().rss / MIB)
            keeper = process.parent()
            keepers.append(keeper.memory_info().rss / MIB if keeper is not None else 0.0)
    yield Figure.of("daemon's memory, no children, no learner", "MiB", ours)
    yield Figure.of("keeper's memory", "MiB", keepers)


def check_torch(pid: int) -> None:
    """The daemon has not loaded torch. Raises: RuntimeError."""
    mapped = {entry.path for entry in psutil.Process(pid).memory_maps() if "torch" in entry.path}
    if mapped:
        raise RuntimeError(f"torch is mapped into the daemon: {sorted(mapped)[:3]}")


def with_servers(state: Path, arguments: tuple[str, ...], runs: int) -> Iterator[Figure]:
    """The figures that need servers: verbs against a daemon that has them, and its next starts."""
    with daemon.running(state, *arguments) as running:
        tools = asyncio.run(first_list(running.url))
        check_torch(running.pid)
        for verb in (("--help",), ("status", "--json")):
            command_line(running, *verb)  # once unmeasured: the disk's cache is part of nobody's second use
            values = [took_s(lambda verb=verb: command_line(running, *verb)) for _ in range(runs)]
            yield Figure.of(f"mcp-gateway {' '.join(verb)}", "s", values)
        yield Figure.of("mcp-gateway bridge, to its first answer", "s", [bridge_s(running) for _ in range(runs)])
    starts = [warm_start(state, arguments, tools) for _ in range(runs)]
    yield Figure.of(f"serve, to its first tools/list ({tools} tools)", "s", [took for took, _ in starts])
    yield Figure.of(PARTIAL, "", [float(partial) for _, partial in starts])


def measure(runs: int, state: Path | None) -> dict[str, object]:
    """Measure everything."""
    folder = Path(tempfile.mkdtemp(prefix="mcp-gateway-bench-"))
    try:
        figures = list(at_rest(folder, runs))
        if state is not None:
            figures += with_servers(state, (), runs)
        else:
            file = folder / "servers.json"
            file.write_text(json.dumps({"mcpServers": {name[:-3]: _entry(name) for name in SERVERS}}), encoding="utf-8")
            figures += with_servers(folder / "state", ("--mcp-servers", str(file)), runs)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    rows = [
        {"figure": one.figure, "unit": one.unit, "median": one.median, "min": one.least, "max": one.most}
        for one in figures
    ]
    return {"date": time.strftime("%Y-%m-%d"), "machine": daemon.machine(), "runs": runs, "figures": rows}


def _entry(script: str) -> dict[str, object]:
    return {"command": sys.executable, "args": [str(daemon.ROOT / "tests" / "servers" / script)]}


def table(result: dict[str, object]) -> Iterator[str]:
    """Spell the result for people."""
    yield f"{result['date']}, {result['machine']}; median of {result['runs']} runs"
    for row in result["figures"]:  # type: ignore[attr-defined]
        spread = f"({row['min']:.2f} .. {row['max']:.2f})"
        yield f"{row['figure']:<48}{row['median']:>10.2f} {row['unit']:<4}{spread:>20}"
    yield "torch is not mapped into the daemon"


def main() -> int:
    """Run; the exit status is 1 when a client could have seen a list that missed tools."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7, help="runs per figure")
    parser.add_argument("--state-dir", type=Path, help="use the servers of this stopped gateway")
    parser.add_argument("--json", action="store_true", help="print one JSON value")
    options = parser.parse_args()
    result = measure(options.runs, options.state_dir)
    print(json.dumps(result) if options.json else "\n".join(table(result)))
    return int(any(row["figure"] == PARTIAL and row["max"] for row in result["figures"]))  # type: ignore[attr-defined]


if __name__ == "__main__":
    raise SystemExit(main())
