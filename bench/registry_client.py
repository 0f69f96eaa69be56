"""What our registry client adds to one request, beside bare httpx against the same stand-in on loopback.

    python bench/registry_client.py [--requests 400] [--rounds 5]

Requests are paired: one of each way in turns, in shuffled order within the pair, over one kept-alive connection each,
in one process; the stand-in is a process of its own. Bare httpx sends the same headers and decodes the JSON. Ours
paces, bounds, retries, watches the breaker, decodes, compares with the known shape, reads listings, and (in the second
part) keeps the answer in a store on the disk. Printed for each question: medians, and the median of the differences
within the pairs, in milliseconds and as a ratio. The goal is at most 1 ms added. Status 1 when it is missed.
"""

from __future__ import annotations

import argparse
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import httpx

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from gateway.clock import SystemClock  # noqa: E402
from gateway.discovery.asking.client import Access, RegistryClient  # noqa: E402
from gateway.discovery.asking.drift import DriftMeter  # noqa: E402
from gateway.discovery.parsing.shapes import Shape  # noqa: E402
from gateway.discovery.parsing.smithery import parse_page, parse_record  # noqa: E402
from gateway.discovery.parsing.smithery_shape import PAGE, RECORD  # noqa: E402
from gateway.discovery.ports import Answers  # noqa: E402
from gateway.store.catalogue import Catalogue  # noqa: E402
from gateway.store.database import Database  # noqa: E402
from gateway.store.urls import sqlite_url  # noqa: E402

KEY = "sk-good"
GOAL_MS = 1.0
Question = tuple[str, str, dict[str, str]]
QUESTIONS: tuple[Question, ...] = (
    ("one record", "/servers/acme%2Fecho-bundle", {}),
    ("a page of 10", "/servers", {"pageSize": "10"}),
    ("a page of 30", "/servers", {"pageSize": "100"}),
)


@contextmanager
def stand_in() -> Iterator[str]:
    """A stand-in Smithery in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    argv = [sys.executable, "-m", "tests.standins.smithery", "--port", str(port), "--key", KEY]
    with subprocess.Popen(argv, cwd=ROOT) as process:
        try:
            _wait_for(f"http://127.0.0.1:{port}/health")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def _wait_for(url: str) -> None:
    for _ in range(200):
        try:
            httpx.get(url, trust_env=False).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("the stand-in did not start")


def access(base: str) -> Access:
    """As configured, but with a rate that never makes anybody wait."""
    return Access("Smithery", base, api_key=KEY, rate="100000/s", burst=100000)


async def measure(
    base: str, question: Question, answers: Answers | None, requests: int, rng: random.Random
) -> tuple[list[float], list[float]]:
    """Seconds of each request, bare and ours, pair by pair."""
    _, path, params = question
    clock = SystemClock()
    headers = {"Accept": "application/json", "User-Agent": "mcp-gateway/bench", "Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(trust_env=False) as plain, httpx.AsyncClient(trust_env=False) as mine:
        meter = DriftMeter("smithery", clock)
        client = RegistryClient(mine, access(base), clock=clock, rng=rng, answers=answers, meter=meter)
        shape: Shape = PAGE if path == "/servers" else RECORD

        def read(value: object, at: float) -> object:
            if path == "/servers":
                return parse_page(value, fetched_at=at)
            return parse_record(value, base_url=base, fetched_at=at)

        async def bare(number: int) -> None:
            answer = await plain.get(base + path, params={**params, "x": str(number)}, headers=headers)
            answer.raise_for_status().json()

        async def ours(number: int) -> None:
            # A number of its own makes every question new to the store, as the first time it is asked.
            await client.ask(path, read, what="it", params={**params, "x": str(number)}, shape=shape)

        for number in range(30):
            await bare(-number)
            await ours(-number)
        times: dict[Callable[[int], Awaitable[None]], list[float]] = {bare: [], ours: []}
        for number in range(requests):
            for way in rng.sample([bare, ours], 2):
                began = time.perf_counter()
                await way(number)
                times[way].append(time.perf_counter() - began)
        return times[bare], times[ours]


def report(label: str, bare: list[float], ours: list[float]) -> float:
    """Print one line; return the added milliseconds."""
    added = statistics.median(b - a for a, b in zip(bare, ours, strict=True)) * 1000
    low, high = statistics.median(bare) * 1000, statistics.median(ours) * 1000
    print(f"{label:34} bare {low:6.2f} ms   ours {high:6.2f} ms   added {added:+.2f} ms   x{high / low:.2f}")
    return added


async def run(base: str, requests: int, rounds: int) -> list[float]:
    """Measure every question without and with a store."""
    rng, worst = random.Random(1), []
    with tempfile.TemporaryDirectory() as folder:
        db = await Database.open(sqlite_url(Path(folder) / "gateway.db"), clock=SystemClock())
        try:
            for place, answers in (("", None), (", kept in a store", Catalogue(db))):
                for question in QUESTIONS:
                    bare: list[float] = []
                    ours: list[float] = []
                    for _ in range(rounds):
                        one, other = await measure(base, question, answers, requests, rng)
                        bare += one
                        ours += other
                    worst.append(report(question[0] + place, bare, ours))
        finally:
            await db.close()
    return worst


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description="What the registry client adds to one request.")
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"{asked.requests * asked.rounds} pairs a question; {os.cpu_count()} cores, load {load:.1f}")
    with stand_in() as base:
        added = anyio.run(run, base, asked.requests, asked.rounds)
    missed = [number for number in added if number > GOAL_MS]
    print(f"goal: at most {GOAL_MS:g} ms added; {'missed' if missed else 'met'}, at most {max(added):.2f} ms")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
