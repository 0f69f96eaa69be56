"""What the gateway costs: a call through it against a direct call of a server on the official SDK (`make bench`).

    python bench/relay.py [--rounds 5] [--calls 400] [--learning on|off] [--json]

One run, interleaved rounds (gateway, direct, gateway, direct, ...), each figure the median over the rounds; what
counts are the ratios, since machines and their load differ. The gateway is a real daemon with authentication and ledger
on, relaying to a child on stdio (tests/servers/echo.py); both sides list the same tools. Every answer is checked, and
at the end the ledger must hold every call. Loopback only; ends by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import daemon
from mcp_client import Client, WrongAnswerError

HERE = Path(__file__).resolve().parent
CONNECTIONS = 16
WARM_UP = 50
LISTS_PER_CALL = 4  # a list is asked for once per round of an agent, so it needs fewer samples than a call
RUN = "bench"
CONFIG = """
[tools]
mode = "all"
builtins = false
[learning]
mode = "{learning}"
"""
FIGURES = {  # name: (unit, is more better)
    "echo p50": ("ms", False),
    "echo p99": ("ms", False),
    f"echo, {CONNECTIONS} connections": ("calls/s", True),
    "processor per call": ("us", False),
    "tools/list p50": ("ms", False),
    "tools/list p99": ("ms", False),
    "new session": ("ms", False),
}


@dataclass
class Side:
    """One of the two servers, and what was measured of it, round by round."""

    name: str
    url: str
    pid: int
    tool: str = "echo"
    headers: dict[str, str] = field(default_factory=dict)
    calls: int = 0
    figures: dict[str, list[float]] = field(default_factory=dict)

    def client(self) -> Client:
        """A new connection."""
        return Client(self.url, self.headers)

    async def echo(self, client: Client) -> None:
        """One checked call, each with a text of its own."""
        self.calls += 1
        await client.echo(self.tool, f"hello {self.calls}")

    def note(self, figure: str, value: float) -> None:
        """Remember a figure of this round."""
        self.figures.setdefault(figure, []).append(value)


async def timed(times: int, work: Callable[[], Awaitable[object]]) -> list[float]:
    """Do something so many times, one after the other; return the durations in ms."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        await work()
        took.append(1000 * (time.perf_counter() - began))
    return took


async def measure(side: Side, calls: int) -> None:
    """One round of one side."""
    async with side.client() as client:
        await timed(WARM_UP, lambda: side.echo(client))
        used = daemon.cpu_s(side.pid)
        took = await timed(calls, lambda: side.echo(client))
        side.note("processor per call", 1e6 * (daemon.cpu_s(side.pid) - used) / calls)
        _note_quantiles(side, "echo", took)
        _note_quantiles(side, "tools/list", await timed(max(20, calls // LISTS_PER_CALL), client.tools))
        side.note("new session", statistics.median(await timed(20, client.begin)))
    side.note(f"echo, {CONNECTIONS} connections", await throughput(side, calls))


def _note_quantiles(side: Side, what: str, took: list[float]) -> None:
    cuts = statistics.quantiles(took, n=100)
    side.note(f"{what} p50", cuts[49])
    side.note(f"{what} p99", cuts[98])


async def throughput(side: Side, calls: int) -> float:
    """Calls per second over several connections, each with a session of its own, one call at a time on each."""
    each = max(10, 4 * calls // CONNECTIONS)
    clients = [await side.client().__aenter__() for _ in range(CONNECTIONS)]
    try:
        began = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for client in clients:
                tasks.create_task(timed(each, lambda client=client: side.echo(client)))
        return CONNECTIONS * each / (time.perf_counter() - began)
    finally:
        for client in clients:
            await client.__aexit__()


@contextmanager
def direct_server(tools: list[dict[str, object]]) -> Iterator[Side]:
    """Start the SDK's own server with these tools."""
    command = [sys.executable, str(HERE / "sdk_server.py"), json.dumps(tools)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Side("direct", process.stdout.readline().strip(), process.pid)
    finally:
        process.terminate()
        process.wait(10)


async def compare(gateway: Side, direct: Side, rounds: int, calls: int) -> None:
    """Alternate between the sides; who begins alternates as well."""
    async with gateway.client() as one, direct.client() as other:
        names = [[tool["name"] for tool in await client.tools()] for client in (one, other)]
    if names[0] != names[1]:
        raise WrongAnswerError(f"the sides do not list the same tools: {names}")
    for number in range(rounds):
        for side in (gateway, direct) if number % 2 == 0 else (direct, gateway):
            await measure(side, calls)


async def listed(side: Side) -> list[dict[str, object]]:
    """The tools of a side as they came."""
    async with side.client() as client:
        return await client.tools()


def run(rounds: int, calls: int, learning: str) -> dict[str, object]:
    """Measure both sides and return the figures."""
    server = {"command": sys.executable, "args": [str(daemon.ROOT / "tests" / "servers" / "echo.py")]}
    with tempfile.TemporaryDirectory(prefix="mcp-gateway-bench-") as folder:
        file = Path(folder) / "servers.json"
        file.write_text(json.dumps({"mcpServers": {"echo": server}}), encoding="utf-8")
        config = Path(folder) / "config.toml"
        config.write_text(CONFIG.format(learning=learning), encoding="utf-8")
        arguments = ("--config", str(config), "--mcp-servers", str(file), "--no-prefix-servers")
        with daemon.running(Path(folder) / "state", *arguments) as running:
            headers = {"Authorization": f"Bearer {daemon.TOKEN}", "X-MCP-Agent": "bench", "X-MCP-Run": RUN}
            gateway = Side("gateway", running.url, running.pid, headers=headers)
            began = time.strftime("%Y-%m-%d")
            with direct_server(asyncio.run(listed(gateway))) as direct:
                asyncio.run(compare(gateway, direct, rounds, calls))
            check_ledger(running, gateway.calls)
    return {
        "date": began,
        "machine": daemon.machine(),
        "rounds": rounds,
        "calls": calls,
        "learning": learning,
        "figures": [_figure(name, gateway, direct) for name in FIGURES],
    }


def check_ledger(running: daemon.Daemon, calls: int) -> None:
    """Every call that was answered is recorded. Raises: WrongAnswerError."""
    rows = {row["run"]: row for row in running.api("/runs")["runs"]}
    if rows[RUN]["calls"] != calls:
        raise WrongAnswerError(f"{calls} calls were made, the ledger has {rows[RUN]['calls']}")


def _figure(name: str, gateway: Side, direct: Side) -> dict[str, object]:
    ours, theirs = gateway.figures[name], direct.figures[name]
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    return {
        "figure": name,
        "unit": FIGURES[name][0],
        "more_is_better": FIGURES[name][1],
        "gateway": statistics.median(ours),
        "direct": statistics.median(theirs),
        "ratio": statistics.median(ratios),
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
    }


def table(result: dict[str, object]) -> Iterator[str]:
    """Spell the result for people."""
    how = f"{result['rounds']} rounds of {result['calls']} calls, learning {result['learning']}"
    yield f"{result['date']}, {result['machine']}; {how}"
    yield f"{'':<24}{'gateway':>12}{'direct':>12}  {'unit':<8}{'gateway/direct':>15}{'(min .. max)':>18}"
    for row in result["figures"]:  # type: ignore[attr-defined]
        spread = f"({row['ratio_min']:.2f} .. {row['ratio_max']:.2f})"
        better = "more is better" if row["more_is_better"] else ""
        numbers = f"{row['gateway']:>12.2f}{row['direct']:>12.2f}"
        yield f"{row['figure']:<24}{numbers}  {row['unit']:<8}{row['ratio']:>15.2f}{spread:>18}  {better}".rstrip()


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="rounds per side")
    parser.add_argument("--calls", type=int, default=400, help="calls one after the other, per round")
    parser.add_argument(
        "--learning", choices=["on", "off"], default="on", help="whether the learner trains beside the calls"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON value")
    options = parser.parse_args()
    result = run(options.rounds, options.calls, options.learning)
    print(json.dumps(result) if options.json else "\n".join(table(result)))


if __name__ == "__main__":
    main()
