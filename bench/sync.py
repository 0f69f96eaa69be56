"""Copying a registry of 20,000 servers into a fresh store: how long it takes and how much memory the copier needs.

    python bench/sync.py [--servers 20000] [--rate 5/s] [--burst 10]

A made-up registry is served by a process of its own on loopback, 100 servers a page, as the official one does. Another
process copies it into a store of its own with the product's own client at its default rate, and tells its seconds and
the peak of its resident memory; then it asks for what changed, once. Printed: those numbers, the time that the rate
alone takes, the size of the store, and the machine's load.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

PAGE = 100
GOAL_S, GOAL_MIB = 60.0, 300.0
_OFFICIAL = "io.modelcontextprotocol.registry/official"
_WORDS = """
weather calendar email github jira notion postgres sqlite redis docker kubernetes terraform stripe invoice
search browser pdf image video voice translate summarize monitor deploy query fetch analyze convert schedule
agent data cloud service file folder ticket issue customer market finance travel map music game security secret
audit
""".split()  # noqa: SIM905 - read as words, not as a list of quotes


def _input(name: str, rng: random.Random, **more: Any) -> dict[str, Any]:
    return {"name": name, "description": _sentence(rng, 8), "isRequired": rng.random() < 0.5, **more}


def _sentence(rng: random.Random, words: int) -> str:
    return " ".join(rng.choice(_WORDS) for _ in range(words)).capitalize() + "."


def entry_of(number: int, rng: random.Random) -> dict[str, Any]:
    """One made-up server: two thirds are packages, one third remote; descriptions as long as the format allows."""
    slug = f"{rng.choice(_WORDS)}-{rng.choice(_WORDS)}-{number:06}"
    name = f"io.github.owner{number % 4000:04}/{slug}"
    server: dict[str, Any] = {
        "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
        "name": name, "title": slug.replace("-", " ").title(), "description": _sentence(rng, 12)[:100],
        "version": f"1.{number % 30}.0",
        "repository": {"url": f"https://github.com/owner{number % 4000:04}/{slug}", "source": "github"},
    }  # fmt: skip
    if number % 3:
        server["packages"] = [{
            "registryType": "npm" if number % 2 else "pypi", "identifier": slug, "version": server["version"],
            "runtimeHint": "npx" if number % 2 else "uvx", "transport": {"type": "stdio"},
            "packageArguments": [{"type": "named", "name": "--units", "default": "si", "choices": ["si", "us"]}],
            "environmentVariables": [_input("API_KEY", rng, isSecret=True), _input("URL", rng), _input("MODE", rng)],
        }]  # fmt: skip
    else:
        header = {"name": "Authorization", "value": "Bearer {token}", "isSecret": True,
                  "variables": {"token": {"isSecret": True, "isRequired": True}}}  # fmt: skip
        server["remotes"] = [{"type": "streamable-http", "url": f"https://{slug}.example/mcp", "headers": [header]}]
    at = f"2026-{1 + number % 10:02}-{1 + number % 28:02}T04:05:06Z"
    official = {"status": "active", "publishedAt": at, "updatedAt": at, "statusChangedAt": at, "isLatest": True}
    return {"server": server, "_meta": {_OFFICIAL: official}}


def pages_of(count: int) -> list[bytes]:
    """The whole registry as the bodies of its pages; the cursor of a page is its number."""
    rng = random.Random(1)
    bodies = []
    for begin in range(0, count, PAGE):
        rows = [entry_of(number, rng) for number in range(begin, min(begin + PAGE, count))]
        metadata: dict[str, Any] = {"count": len(rows)}
        if begin + PAGE < count:
            metadata["nextCursor"] = str(begin // PAGE + 1)
        bodies.append(json.dumps({"servers": rows, "metadata": metadata}).encode())
    return bodies


def serve(count: int) -> None:
    """Serve the pages on a free port of loopback, and print the port."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer  # noqa: PLC0415 - only this process needs it
    from urllib.parse import parse_qs, urlsplit  # noqa: PLC0415

    bodies = pages_of(count)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            nothing = b'{"servers": [], "metadata": {"count": 0}}'
            body = nothing if "updated_since" in query else bodies[int(query.get("cursor", ["0"])[0])]
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's word
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


async def _copied(url: str, store: Path, rate: str, burst: int) -> dict[str, Any]:
    import httpx  # noqa: PLC0415 - only this process needs it

    from gateway.clock import SystemClock  # noqa: PLC0415
    from gateway.config.registries import RegistrySection, SmitherySection  # noqa: PLC0415
    from gateway.discovery.sources import build_sources, registry_sync  # noqa: PLC0415
    from gateway.store.catalogue import Catalogue  # noqa: PLC0415
    from gateway.store.database import Database  # noqa: PLC0415
    from gateway.store.urls import sqlite_url  # noqa: PLC0415

    clock = SystemClock()
    database = await Database.open(sqlite_url(store), clock=clock)
    try:
        async with httpx.AsyncClient(trust_env=False) as http:
            catalogue = Catalogue(database)
            section = RegistrySection(base_url=url, rate=rate, burst=burst)
            sources = build_sources(
                SmitherySection(enabled=False), section, http=http, clock=clock, rng=random.Random(1), answers=catalogue
            )
            copier = registry_sync(sources, catalogue, clock)
            if copier is None:
                raise SystemExit("the registry is switched off")
            before, cpu = _rss_mib(), time.process_time()
            full = await copier.run(lambda _: None)
            cpu = time.process_time() - cpu
            again = await copier.run(lambda _: None)
            found = len(await catalogue.find("weather", limit=50))
    finally:
        await database.close()
    return {"servers": full.servers, "pages": full.pages, "took_s": full.took_s, "cpu_s": cpu, "before_mib": before,
            "peak_mib": _rss_mib(), "again_s": again.took_s, "found": found}  # fmt: skip


def _rss_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def copy(url: str, store: Path, rate: str, burst: int) -> None:
    """Copy the registry in this process and print what it took as one JSON value."""
    import anyio  # noqa: PLC0415 - only this process needs it
    import structlog  # noqa: PLC0415

    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    print(json.dumps(anyio.run(_copied, url, store, rate, burst)))


def main() -> None:
    """Start the registry and the copier, and print the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", type=int, default=20_000)
    parser.add_argument("--rate", default="5/s")
    parser.add_argument("--burst", type=int, default=10)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--copy", nargs=2, metavar=("URL", "STORE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.servers)
    elif given.copy:
        copy(given.copy[0], Path(given.copy[1]), given.rate, given.burst)
    else:
        measure(given.servers, given.rate, given.burst)


def measure(servers: int, rate: str, burst: int) -> None:
    """Run both processes on a temporary store."""
    me = [sys.executable, str(Path(__file__).resolve())]
    registry = subprocess.Popen([*me, "--serve", "--servers", str(servers)], stdout=subprocess.PIPE, text=True)
    try:
        port = registry.stdout.readline().strip() if registry.stdout else ""
        with tempfile.TemporaryDirectory() as folder:
            store = Path(folder) / "gateway.db"
            line = [*me, "--copy", f"http://127.0.0.1:{port}", str(store), "--rate", rate, "--burst", str(burst)]
            done = subprocess.run(line, stdout=subprocess.PIPE, text=True, check=True)
            size = sum(file.stat().st_size for file in Path(folder).iterdir())
            _print(json.loads(done.stdout), rate, size)
    finally:
        registry.terminate()
        registry.wait()


def _print(done: dict[str, Any], rate: str, size: int) -> None:
    good = done["took_s"] <= GOAL_S and done["peak_mib"] <= GOAL_MIB
    print(
        f"full copy    {done['servers']} servers in {done['pages']} pages at {rate}: {done['took_s']:.1f} s"
        f" (goal {GOAL_S:g} s), {done['cpu_s']:.1f} s of them processor time"
    )
    print(
        f"memory       {done['before_mib']:.0f} MiB before, {done['peak_mib']:.0f} MiB at most (goal {GOAL_MIB:g} MiB)"
    )
    print(f"what changed {done['again_s'] * 1000:.0f} ms for nothing new")
    print(f"store        {size / 2**20:.0f} MiB; a search in it finds {done['found']} servers")
    print(f"machine      {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {'reached' if good else 'MISSED'}")


if __name__ == "__main__":
    main()
