"""How long an installation takes that has nothing to fetch, and what side by side is worth.

    python bench/installing.py [--contents 200] [--runs 21] [--json]

Measured: `Installer.fetch` of a pinned npm and PyPI package and of a bundle file whose content is here already, among
so many others; the whole `install` verb over HTTP against a running gateway in which exactly that server is ready
(which skips the handshake), and in which the content is there but serves under another name (with handshake); and
`install` of four bundles one after the other and side by side. Below the handshake nothing may take 100 ms: else exit
status 1. No network; ends by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import daemon

sys.path.insert(0, str(daemon.ROOT))

from gateway.clock import SystemClock
from gateway.daemon.logs import configure_logs
from gateway.install.content import Receipt
from gateway.install.installer import Installer
from gateway.install.packages import pypi
from gateway.install.planning.plan import make_plan
from gateway.install.planning.references import parse_reference
from gateway.install.planning.rules import Rules
from gateway.model import ServerName

LIMIT_S = 0.1
SIDE = 4
SERVER = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    result = {"tools": [{"name": "nothing", "inputSchema": {"type": "object"}}]}
    if asked["method"] == "initialize":
        info = {"name": "bench", "version": "1"}
        result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": info}
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
"""


class NoFetch:
    """Nothing may be downloaded."""

    async def fetch(self, url: str, **_: Any) -> str:
        """Refuse."""
        raise RuntimeError(f"{url} was asked for")


def bundle(path: Path, mark: str) -> str:
    """Write a bundle whose content is told apart by `mark`."""
    entry = "server/main.py"
    command = {"command": "python", "args": ["${__dirname}/" + entry]}
    manifest = {
        "manifest_version": "0.3",
        "name": "bench",
        "version": "1.0.0",
        "server": {"type": "python", "entry_point": entry, "mcp_config": command},
    }
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
        archive.writestr(entry, f"# {mark}\n{SERVER}")
    return f"mcpb:{path}"


async def median_s(work: Callable[[], Awaitable[object]], runs: int) -> float:
    """The median time of a coroutine; the first run is not counted."""
    await work()
    took = []
    for _ in range(runs):
        began = time.perf_counter()
        await work()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def put(installer: Installer, number: int, reference: str, program: str) -> None:
    """Make a small content as if it had been installed."""
    digest = f"{number:064x}"
    with installer.store.work_folder() as work:
        made = work / "made"
        (made / program).parent.mkdir(parents=True)
        (made / program).touch()
        installer.store.keep(made, digest, Receipt(reference, "1.0.0", program))


async def repeated_fetches(folder: Path, contents: int, runs: int) -> dict[str, float]:
    """`fetch` of what is here already, by kind."""
    clock = SystemClock()
    installer = Installer(folder / "state", NoFetch(), clock)
    machine = await installer.machine()
    for number in range(contents):
        put(installer, number, f"npm:other-{number}@1.0.0", "index.js")
    put(installer, contents, "npm:thing@1.0.0", "index.js")
    if machine.python is not None and machine.uv is not None:
        site = type("Site", (), {"machine": machine})()
        put(installer, contents + 1, f"pypi:thing==1.0.0 {pypi._salt(site)}", "venv/bin/thing")  # noqa: SLF001
    found: dict[str, float] = {}
    for kind, reference in {
        "npm": "npm:thing@1.0.0",
        "pypi": "pypi:thing==1.0.0",
        "bundle": bundle(folder / "a.mcpb", "a"),
    }.items():
        plan = make_plan(
            parse_reference(reference), name="thing", settings={}, machine=machine, rules=Rules(), now=clock.wall()
        )

        async def once(plan: Any = plan) -> None:
            async with installer.working(ServerName("thing")):
                await installer.fetch(plan)

        found[f"fetch of a {kind} that is here"] = await median_s(once, runs)
    return found


def post(running: daemon.Daemon, name: str, alias: str) -> dict[str, Any]:
    """`install` over the administration's API."""
    request = urllib.request.Request(
        running.url.removesuffix("/mcp") + "/api/v1/install",
        json.dumps({"name": name, "alias": alias}).encode(),
        {"Authorization": f"Bearer {daemon.ADMIN_TOKEN}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return dict(json.load(answer))


async def verbs(folder: Path, runs: int) -> dict[str, float]:
    """The whole verb against a running gateway."""
    config = folder / "config.toml"
    config.write_text(f"[install]\nparallel = {SIDE}\n", encoding="utf-8")
    found: dict[str, float] = {}
    with daemon.running(folder / "live", "--config", str(config)) as running:

        async def install(name: str, alias: str) -> dict[str, Any]:
            return await asyncio.to_thread(post, running, name, alias)

        same = bundle(folder / "same.mcpb", "same")
        await install(same, "same")
        if not (await install(same, "same"))["unchanged"]:
            raise RuntimeError("the server was not ready when its installation was over")
        found["install of what serves already"] = await median_s(lambda: install(same, "same"), runs)
        began = time.perf_counter()
        await install(same, "other")
        found["install of the same content under another name"] = time.perf_counter() - began
        names = [bundle(folder / f"{number}.mcpb", str(number)) for number in range(2 * SIDE)]
        began = time.perf_counter()
        for number in range(SIDE):
            await install(names[number], f"one-{number}")
        found[f"install of {SIDE} bundles, one after the other"] = time.perf_counter() - began
        began = time.perf_counter()
        await asyncio.gather(*(install(names[SIDE + number], f"side-{number}") for number in range(SIDE)))
        found[f"install of {SIDE} bundles, side by side"] = time.perf_counter() - began
    return found


def measure(contents: int, runs: int) -> dict[str, Any]:
    """Measure everything."""
    folder = Path(tempfile.mkdtemp(prefix="mcp-gateway-bench-"))
    try:
        repeated = asyncio.run(repeated_fetches(folder, contents, runs))
        whole = asyncio.run(verbs(folder, runs))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    below = [*repeated.values(), whole["install of what serves already"]]
    return {
        "date": time.strftime("%Y-%m-%d"),
        "machine": daemon.machine(),
        "contents": contents,
        "runs": runs,
        "seconds": {**repeated, **whole},
        "slowest_repeat_s": max(below),
        "limit_s": LIMIT_S,
    }


def main() -> int:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contents", type=int, default=200, help="other contents that are here")
    parser.add_argument("--runs", type=int, default=21)
    parser.add_argument("--json", action="store_true", help="print one JSON value")
    options = parser.parse_args()
    configure_logs("console", "error")
    result = measure(options.contents, options.runs)
    if options.json:
        print(json.dumps(result))
    else:
        print(f"{result['date']}, {result['machine']}; {result['contents']} other contents, {result['runs']} runs")
        for name, seconds in result["seconds"].items():
            print(f"{name:<52}{seconds * 1000:>9.1f} ms")
    return int(result["slowest_repeat_s"] >= LIMIT_S)


if __name__ == "__main__":
    raise SystemExit(main())
