"""The facade: a tool selector that learns, in one object. The daemon's parts, the benchmarks and tests drive the same
code.

Single-threaded; trains inline (the daemon trains in the learner process, by the same `Trainer`). Reads no clock: its
time is the number of observations. An ordinary decision is deterministic; the only randomness is slot one of an
evaluation decision and the coin that makes one (`bucket`), so every propensity is exact; the formulas stand in
`policy.py`.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from gateway.learning import policy
from gateway.learning.encoder import make_encoder
from gateway.learning.reliability import Reliability, ReliabilityRules
from gateway.learning.reward import RATING_WEIGHT, Label, lesson
from gateway.learning.roster import Evidence, Roster
from gateway.learning.snapshot import PolicySnapshot, base_snapshot
from gateway.learning.trainer import Trainer, TrainingRules
from gateway.model import ToolCard

OPEN_DECISIONS = 100_000
"""Decisions that may still be observed; beyond this the oldest is forgotten (and unknown to `observe`)."""

CALLED_BADLY = 0.3
"""A tool that already failed or disappointed in this very context is worth this much of itself in it."""


@dataclass(frozen=True, slots=True)
class SelectorRules:
    """Keys of `Selector(config=…)`; the names are `[learning]`'s."""

    bucket: float = 0.1
    every: int = 32
    lr: float = 0.01
    batch: int = 256
    steps: int = 6
    buffer: int = 20000
    clip: float = 1.0
    l2: float = 1e-5
    device: str = "cpu"
    prior_a: float = 9.0
    prior_b: float = 1.0
    decay: float = 0.9
    breaker_errors: int = 3
    cold_n: int = 15
    cold_slot: bool = True


@dataclass(frozen=True, slots=True)
class Choice:
    """A decision: `propensities[i]` is the probability that `shown[i]` stood at position i."""

    id: str
    shown: list[str]
    propensities: list[float]


@dataclass(frozen=True, slots=True)
class _Open:
    """What `observe` needs of a decision."""

    query: str
    shown: tuple[str, ...]


class Selector:
    """Chooses tools for queries and learns from what became of them (CONTRACT section 5)."""

    def __init__(
        self,
        tools: Iterable[Mapping[str, Any]],
        *,
        seed: int = 0,
        encoder: str | Callable[[list[str]], Any] | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        """`config` may hold any field of `SelectorRules`; other keys are ignored, so a whole `[learning]` table
        fits."""
        known = SelectorRules.__dataclass_fields__
        self.rules = replace(SelectorRules(), **{k: v for k, v in (config or {}).items() if k in known})
        self.seed = seed
        encode = make_encoder(encoder)
        self._encoder_name = encoder if isinstance(encoder, str) else None
        self._roster = Roster(encode)
        self._reliability = Reliability(_reliability_rules(self.rules))
        width = 0 if encode is None else int(encode(["width"]).shape[1])
        self._trainer = Trainer(_training_rules(self.rules, seed), width)
        self._base = base_snapshot()
        self._snapshot: PolicySnapshot = self._base
        self._rng = np.random.default_rng([seed, 3])
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._decisions = 0
        self._observations = 0
        self._since_burst = 0
        self.add_tools(tools)

    def add_tools(self, tools: Iterable[Mapping[str, Any]]) -> None:
        """Add tools; one of a known id gets the new text. Raises: ValueError for a tool without an id."""
        self._roster.add([read_tool(tool) for tool in tools])
        self._trainer.cover(self._roster.family_count)

    def remove_tools(self, ids: Iterable[str]) -> None:
        """Remove tools; what was learned of them waits for their return."""
        self._roster.remove(ids)

    def choose(self, query: str, k: int, context: Mapping[str, Any] | None = None) -> Choice:
        """Return min(k, tools) tools for a query, best first, with the odds of each place. See CONTRACT section 5."""
        context = context or {}
        evidence = self._roster.evidence(query or str(context.get("task") or ""))
        ranking = self._ranking(evidence, context.get("called") or ())
        static = policy.static_order(self._roster, self._base, evidence)
        size = min(max(k, 0), len(self._roster))
        order = self._with_cold_slot(ranking, static, size)
        evaluation = 1.0 if context.get("evaluate") is True else self.rules.bucket
        coin, uniform = self._rng.random(), self._rng.random()
        self._decisions += 1
        decision_id = f"d{self.seed}-{self._decisions}"
        if not size:
            return self._opened(Choice(decision_id, [], []), query)
        slot = policy.slot_odds(ranking, static, policy.exploration(self._observations))
        full = policy.to_front(order, policy.draw(slot, uniform)) if coin < evaluation else order
        shown = full[:size]
        odds = policy.propensities(order, shown, slot, evaluation)
        return self._opened(Choice(decision_id, [self._roster.ids[i] for i in shown], odds), query)

    def observe(
        self,
        decision_id: str,
        tool_id: str,
        outcome: str,
        latency_s: float | None = None,  # noqa: ARG002 - part of the contract; latency shapes rewards in evaluation only
        usefulness: float | None = None,
    ) -> None:
        """Learn what became of a call. Raises: KeyError (unknown decision), ValueError (unknown outcome)."""
        label = Label(outcome)
        opened = self._open[decision_id]
        self._observations += 1
        self._reliability.observe(tool_id, ran=label.ran, now=float(self._observations))
        place = opened.shown.index(tool_id) if tool_id in opened.shown else None
        taught = lesson(label, usefulness, place, 1.0 if usefulness is None else RATING_WEIGHT)
        if taught is not None and tool_id in self._roster:
            self._trainer.add(self._roster, self._roster.evidence(opened.query), tool_id, taught)
        self._since_burst += 1
        if self._since_burst >= self.rules.every:
            self.train()

    def train(self, steps: int | None = None) -> dict[str, float]:
        """Take a burst of optimiser steps now (it also happens by itself every `every` observations)."""
        self._since_burst = 0
        metrics = self._trainer.burst(steps)
        if self._trainer.bursts:
            self._snapshot = self._trainer.snapshot(self._roster)
        return metrics

    def rank(self, query: str, k: int) -> list[str]:
        """Return the k best tools, best first; pure, and without exploration or reserved places."""
        ranking = self._ranking(self._roster.evidence(query), ())
        return [self._roster.ids[i] for i in ranking.order[: max(k, 0)]]

    def static_rank(self, query: str, k: int) -> list[str]:
        """Return what a selector that observed nothing would rank."""
        order = policy.static_order(self._roster, self._base, self._roster.evidence(query))
        return [self._roster.ids[i] for i in order[: max(k, 0)]]

    def snapshot(self) -> PolicySnapshot:
        """Return the learned relevance as it is used now."""
        return self._snapshot

    def save(self, directory: str | Path) -> None:
        """Write everything that decides the future into a folder (made if missing)."""
        folder = Path(directory)
        folder.mkdir(parents=True, exist_ok=True)
        arrays, plain = self._trainer.state()
        state = {
            "rules": asdict(self.rules),
            "seed": self.seed,
            "encoder": self._encoder_name,
            "cards": self._roster.cards_as_builtins(),
            "families": self._roster.family_map(),
            "reliability": self._reliability.state(),
            "rng": self._rng.bit_generator.state,
            "open": {k: [o.query, list(o.shown)] for k, o in self._open.items()},
            "counters": [self._decisions, self._observations, self._since_burst],
            "trained": self._snapshot is not self._base,
            "trainer": plain,
        }
        (folder / "arrays.safetensors").write_bytes(save_arrays(arrays))
        (folder / "selector.json").write_text(json.dumps(state), encoding="utf-8")

    @classmethod
    def load(cls, directory: str | Path, *, encoder: str | Callable[[list[str]], Any] | None = None) -> Selector:
        """Read what `save` wrote; an encoder given as a function must be given again. Nothing is read later."""
        folder = Path(directory)
        state = json.loads((folder / "selector.json").read_text(encoding="utf-8"))
        arrays = load_arrays((folder / "arrays.safetensors").read_bytes())
        made = cls([], seed=state["seed"], encoder=encoder or state["encoder"], config=state["rules"])
        made._restore(state, arrays)
        return made

    def _restore(self, state: dict[str, Any], arrays: dict[str, Any]) -> None:
        self._roster.restore([msgspec.convert(c, ToolCard) for c in state["cards"]], state["families"])
        self._reliability.restore(state["reliability"])
        self._rng.bit_generator.state = state["rng"]
        self._open = OrderedDict((k, _Open(query, tuple(shown))) for k, (query, shown) in state["open"].items())
        self._decisions, self._observations, self._since_burst = state["counters"]
        self._trainer.restore(arrays, state["trainer"])
        if state["trained"]:
            self._snapshot = self._trainer.snapshot(self._roster)

    def _ranking(self, evidence: Evidence, called: Iterable[tuple[str, str]]) -> policy.Ranking:
        reliability = self._reliability.means(self._roster.ids, float(self._observations))
        for tool, outcome in called:
            if outcome != Label.OK and tool in self._roster:
                reliability[self._roster.position(tool)] *= CALLED_BADLY
        rows = np.where(self._roster.families < len(self._snapshot.rows), self._roster.families, -1)
        return policy.rank(self._roster, self._snapshot, evidence, rows, reliability)

    def _with_cold_slot(self, ranking: policy.Ranking, static: policy.Ints, size: int) -> policy.Ints:
        if not self.rules.cold_slot or not self._trainer.bursts:
            return ranking.order
        families = self._roster.families
        counts = self._trainer.counts[families].astype(np.int64)
        young = self._trainer.young()[families]
        return policy.reserve_cold(ranking.order, static, counts=counts, young=young, k=size, cold_n=self.rules.cold_n)

    def _opened(self, choice: Choice, query: str) -> Choice:
        self._open[choice.id] = _Open(query, tuple(choice.shown))
        if len(self._open) > OPEN_DECISIONS:
            self._open.popitem(last=False)
        return choice


def read_tool(tool: Mapping[str, Any]) -> ToolCard:
    """Read a tool dict: id, name, description, server, server_description, inputSchema. Raises: ValueError without
    id."""
    if "id" not in tool:
        raise ValueError("a tool needs an id")
    schema = tool.get("inputSchema")
    return ToolCard(
        id=str(tool["id"]),
        name=str(tool.get("name") or tool["id"]),
        description=str(tool.get("description") or ""),
        server=str(tool.get("server") or ""),
        server_description=str(tool.get("server_description") or ""),
        input_schema=dict(schema) if isinstance(schema, Mapping) else {},
    )


def _reliability_rules(rules: SelectorRules) -> ReliabilityRules:
    return ReliabilityRules(rules.prior_a, rules.prior_b, rules.decay, rules.breaker_errors)


def _training_rules(rules: SelectorRules, seed: int) -> TrainingRules:
    return TrainingRules(
        lr=rules.lr,
        batch=rules.batch,
        steps=rules.steps,
        buffer=rules.buffer,
        clip=rules.clip,
        l2=rules.l2,
        cold_n=rules.cold_n,
        device=rules.device,
        seed=seed,
    )
