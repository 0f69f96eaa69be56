"""A small world of tools and tasks in which a selector can be judged: true success is known, luck is seeded. No torch.

An agent gets a list, calls the first relevant tool of it with probability `attention`, else simply the first one. A
tool that runs (its reliability) helps when it is relevant. `toy_world` makes one from nothing; `read_world` makes one
from a data folder.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Choose = Callable[[str, int], Sequence[str]]

TOPICS = {
    "weather": ("forecast temperature rain wind climate", "umbrella sunny tomorrow outside jacket"),
    "translate": ("translation language dictionary text convert", "french spanish say phrase meaning"),
    "calendar": ("calendar event schedule meeting appointment", "tuesday slot busy free invite"),
    "music": ("song playlist album artist track", "listen band tune melody dance"),
    "stocks": ("stock market price ticker shares", "invest portfolio dividend apple buy"),
    "recipes": ("recipe ingredient cooking dish kitchen", "dinner vegetarian pasta bake spicy"),
    "travel": ("flight hotel booking airline ticket", "trip paris vacation cheap beach"),
    "files": ("file directory folder path filesystem", "rename disk document copy archive"),
    "mail": ("email inbox message send mailbox", "reply newsletter attachment boss draft"),
    "maps": ("route map navigation distance location", "drive traffic nearest station walk"),
    "images": ("image picture photo resize render", "logo background crop cat portrait"),
    "database": ("sql query table database schema", "rows customers join report count"),
}
FILLER = "please can you show me find the some this my how need want for with tell a"


@dataclass(frozen=True)
class Task:
    """What an agent wants, and the tools that would help."""

    query: str
    relevant: frozenset[str]


@dataclass
class World:
    """Tools, tasks and the truth about them."""

    tools: list[dict[str, Any]]
    tasks: list[Task]
    reliability: dict[str, float]
    attention: float = 0.75
    false_help: float = 0.02
    held_out: list[Task] = field(default_factory=list)

    def value(self, task: Task, shown: Sequence[str]) -> float:
        """True chance that a list leads to help."""
        if not shown:
            return 0.0
        picked = next((tool for tool in shown if tool in task.relevant), shown[0])
        return self.attention * self._helps(task, picked) + (1 - self.attention) * self._helps(task, shown[0])

    def act(self, task: Task, shown: Sequence[str], rng: random.Random) -> tuple[str, str]:
        """Let the agent call one tool: (tool, outcome)."""
        tool = next((t for t in shown if t in task.relevant), shown[0]) if rng.random() < self.attention else shown[0]
        if rng.random() >= self.reliability[tool]:
            return tool, "error" if rng.random() < 0.8 else "timeout"
        return tool, "ok" if tool in task.relevant or rng.random() < self.false_help else "useless"

    def _helps(self, task: Task, tool: str) -> float:
        return self.reliability[tool] if tool in task.relevant else 0.0


def toy_world(seed: int = 0, tasks: int = 400, held_out: int = 120) -> World:
    """Make a world whose queries share only some words with the tools' descriptions; each topic has a flaky twin
    tool."""
    rng = random.Random(seed)
    tools: list[dict[str, Any]] = []
    reliability: dict[str, float] = {}
    owner: dict[str, list[str]] = {}
    for topic, (doc, _) in TOPICS.items():
        words = doc.split()
        for twin, runs in (("", rng.choice([0.95, 0.3])), ("_pro", 0.9)):
            tool = f"t{len(tools):03d}"
            text = f"Access the {words[0]} and {words[1]} service: {words[2]}, {words[3]} or {words[4]} from one place."
            tools.append({"id": tool, "name": f"{words[0]}_{words[2]}{twin}", "description": text})
            reliability[tool] = runs
            owner.setdefault(topic, []).append(tool)
    rng.shuffle(tools)

    def task() -> Task:
        topic = rng.choice(sorted(TOPICS))
        doc, user = (part.split() for part in TOPICS[topic])
        words = rng.sample(FILLER.split(), 3) + rng.sample(user, 2) + (rng.sample(doc, 1) if rng.random() < 0.4 else [])
        rng.shuffle(words)
        return Task(" ".join(words), frozenset(owner[topic]))

    made = [task() for _ in range(tasks + held_out)]
    return World(tools, made[:tasks], reliability, held_out=made[tasks:])


def read_world(folder: Path, seed: int = 0, held_out: int = 500, twins: int = 40) -> World:
    """Make a world from `tools.jsonl` and `queries.jsonl`; some used tools get a reworded twin of another
    reliability."""
    rng = random.Random(seed)
    tools, rows = _read_lines(folder / "tools.jsonl"), _read_lines(folder / "queries.jsonl")
    used = sorted({tool for row in rows for tool in row["relevant"]})
    doubled = set(rng.sample(used, min(twins, len(used) // 3)))
    siblings: dict[str, list[str]] = {}
    reliability: dict[str, float] = {}
    made: list[dict[str, Any]] = []
    for tool in tools:
        own = str(tool["id"])
        names = [own, f"{own}~twin"] if own in doubled else [own]
        rates = rng.sample([0.95, 0.55], 2) if own in doubled else [rng.uniform(0.8, 0.99)]
        for name, rate in zip(names, rates, strict=True):
            made.append({**tool, "id": name} if name == own else reworded(tool, name, rng))
            reliability[name] = rate
        siblings[own] = names
    rng.shuffle(made)
    rng.shuffle(rows)
    tasks = [Task(r["query"], frozenset(n for own in r["relevant"] for n in siblings[own])) for r in rows]
    cut = min(held_out, len(tasks) // 5)
    return World(made, tasks[cut:], reliability, held_out=tasks[:cut])


def reworded(tool: dict[str, Any], name: str, rng: random.Random) -> dict[str, Any]:
    """Say the same of a tool in slightly other words, as another server's copy of it would."""
    words = str(tool.get("description", "")).split(" ")
    if len(words) > 6:
        del words[rng.randrange(len(words))]
    spelled = rng.choice(["{}_plus", "easy_{}", "{}_v2"]).format(tool["name"])
    server = {"server": f"{tool['server']}-copy"} if tool.get("server") else {}
    return {**tool, **server, "id": name, "name": spelled, "description": " ".join(words) + " Hosted."}


def mean_value(world: World, choose: Choose, tasks: Sequence[Task], k: int = 5) -> float:
    """Average true value of the lists that a ranker shows."""
    return sum(world.value(task, choose(task.query, k)) for task in tasks) / len(tasks)


def _read_lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]
