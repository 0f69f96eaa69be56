"""The learned policy against the static ranker, on a folder of tool-selection data.

    python bench/selection.py FOLDER [--calls 4000] [--seeds 2] [--k 5]

FOLDER holds `tools.jsonl` and `queries.jsonl`. A world is made of it (tests/learning/simulator.py): agents ask, get k
tools, call one, and the selector learns only from what became of that call. Printed: true success per window for
both, hit@1 and recall@5 on held-out queries, and the latency of a daemon's decision.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

from gateway.clock import SystemClock  # noqa: E402
from gateway.config.learning import LearningSection  # noqa: E402
from gateway.learning import Selector  # noqa: E402
from gateway.learning.live import LivePolicy  # noqa: E402
from gateway.learning.selector import read_tool  # noqa: E402
from gateway.model import Caller, ChooseRequest, DecisionKind  # noqa: E402
from tests.learning.simulator import Choose, World, read_world  # noqa: E402

WINDOWS = 5


def retrieval(world: World, choose: Choose) -> tuple[float, float]:
    """Return (hit@1, recall@5) in percent on the held-out tasks; twins count as one tool."""
    hits = recall = 0.0
    for task in world.held_out:
        found = list(dict.fromkeys(name.removesuffix("~twin") for name in choose(task.query, 10)))[:5]
        wanted = {name.removesuffix("~twin") for name in task.relevant}
        hits += found[0] in wanted
        recall += len(wanted & set(found)) / len(wanted)
    return 100.0 * hits / len(world.held_out), 100.0 * recall / len(world.held_out)


def live_through(folder: Path, calls: int, seed: int, k: int) -> tuple[list[float], list[float], Selector, World]:
    """Let agents use a selector; returns the true values of its lists and of the static ranker's, call by call."""
    world, rng = read_world(folder, seed), random.Random(seed)
    selector = Selector(world.tools, seed=seed)
    learned, static = [], []
    for number in range(calls):
        task = world.tasks[number % len(world.tasks)]
        choice = selector.choose(task.query, k)
        learned.append(world.value(task, choice.shown))
        static.append(world.value(task, selector.static_rank(task.query, k)))
        selector.observe(choice.id, *world.act(task, choice.shown, rng))
    return learned, static, selector, world


def windows(values: list[float]) -> str:
    """Spell the mean per window in percent."""
    size = max(1, len(values) // WINDOWS)
    means = [100.0 * statistics.fmean(values[i : i + size]) for i in range(0, size * WINDOWS, size)]
    return "  ".join(f"{mean:5.1f}" for mean in means)


def latency(world: World, selector: Selector, rounds: int = 300) -> tuple[float, float]:
    """Return (median, 99th percentile) in milliseconds of a daemon's decision over all tools of the world."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "snapshot"
        path.write_bytes(selector.snapshot().to_bytes())
        config = replace(LearningSection(), bucket=0.1)
        policy = LivePolicy(config=config, directory=Path(folder), clock=SystemClock(), rng=random.Random(1))
        policy.set_tools("v", [read_tool(tool) for tool in world.tools])
        policy.adopt(path)
        names = tuple(tool["id"] for tool in world.tools)
        taken = []
        for number in range(rounds):
            query = world.tasks[number % len(world.tasks)].query
            request = ChooseRequest(DecisionKind.FIND, Caller("p"), 1, query, 10, names)
            begin = time.perf_counter()
            policy.decide(request)
            taken.append(1000.0 * (time.perf_counter() - begin))
    taken.sort()
    return taken[len(taken) // 2], taken[int(len(taken) * 0.99)]


def main() -> int:
    """Run it and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--k", type=int, default=5)
    options = parser.parse_args()
    if not (options.folder / "tools.jsonl").is_file():
        parser.error(f"{options.folder} holds no tools.jsonl")
    torch.set_num_threads(1)
    gains = []
    for seed in range(options.seeds):
        learned, static, selector, world = live_through(options.folder, options.calls, seed, options.k)
        gains.append(sum(learned) - sum(static))
        print(f"seed {seed}: {len(world.tools)} tools, {options.calls} calls, lists of {options.k}")
        print(f"  learned, true success per window (%): {windows(learned)}")
        print(f"  static                              : {windows(static)}")
        print(f"  gained calls that help: {gains[-1]:+.0f}")
        for name, ranker in (("learned", selector.rank), ("static", selector.static_rank)):
            hits, recall = retrieval(world, ranker)
            print(f"  held out, {name}: hit@1 {hits:.1f} %, recall@5 {recall:.1f} %")
        median, slow = latency(world, selector)
        print(f"  a daemon's decision: median {median:.2f} ms, p99 {slow:.2f} ms", flush=True)
    spread = statistics.stdev(gains) if len(gains) > 1 else 0.0
    print(f"gain over static: {statistics.fmean(gains):+.0f} calls of {options.calls} (sd over seeds {spread:.0f})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
