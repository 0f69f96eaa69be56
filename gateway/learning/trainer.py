"""Replay to optimiser steps to snapshots. The same code trains inline in `Selector` and in the learner process.

Loss per batch: cross-entropy of "did this tool help" for the tool that was called (calls that ran only), plus, for
helpful calls, a softmax over all candidate families: the right one against every other. Families registered after
training began are left out of others' softmax until they have a few labels of their own, or nobody would ever show
them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gateway.learning.network import GROWTH, RelevanceNetwork
from gateway.learning.replay import Example, Replay
from gateway.learning.reward import Lesson
from gateway.learning.roster import Evidence, Roster
from gateway.learning.snapshot import POLICY_VERSION, PolicySnapshot

CANDIDATES = 400
"""Families kept per example: the statically best ones and the called one; the rest cannot win a softmax anyway."""

GATE_RATE, FEATURE_RATE = 0.5, 0.2
"""Step sizes of the gates and of the shared feature vectors, as shares of `lr`: both move every tool at once."""

ADAM_EPS = 1e-4
"""Adam moves a weight by about `lr` however small its gradient is, unless the gradient is below this: thousands of
tools that merely stood beside the right one must not be pushed about as hard as the right one is."""

ECE_BINS = 10


@dataclass(frozen=True, slots=True)
class TrainingRules:
    """Hyper-parameters; names and defaults are `[learning]`'s."""

    lr: float = 0.01
    batch: int = 256
    steps: int = 6
    buffer: int = 20000
    clip: float = 1.0
    l2: float = 1e-5
    cold_n: int = 15
    device: str = "cpu"
    seed: int = 0


class Trainer:
    """Network, optimiser and replay buffer of one policy."""

    def __init__(self, rules: TrainingRules, encoder_width: int = 0) -> None:
        self.rules = rules
        self.rng = np.random.default_rng([rules.seed, 7])
        self.device = torch.device(rules.device)
        self.network = RelevanceNetwork(np.random.default_rng([rules.seed, 11]), encoder_width).to(self.device)
        self.replay = Replay(rules.buffer)
        self.used = 0  # rows in use
        self.counts: NDArray[np.float32] = np.zeros(GROWTH, np.float32)  # labels per row
        self.born: NDArray[np.int64] = np.zeros(GROWTH, np.int64)  # bursts done when the row was made
        self.bursts = 0
        self.metrics: dict[str, float] = {}
        self.optimiser = self._make_optimiser()

    def cover(self, families: int) -> None:
        """Make room for this many rows."""
        while self.network.room() < families:
            self._grow()
        self.born[self.used : families] = self.bursts
        self.used = max(self.used, families)

    def add(self, roster: Roster, evidence: Evidence, tool: str, lesson: Lesson) -> None:
        """Remember a lesson about a tool of the roster."""
        self.cover(roster.family_count)
        target = int(roster.families[roster.position(tool)])
        self.counts[target] += lesson.useful is not None
        lexical = roster.family_max(evidence.lexical)
        dense = None if evidence.dense is None else roster.family_max(evidence.dense)
        rows = np.flatnonzero(np.isfinite(lexical))
        if len(rows) > CANDIDATES:
            closeness = lexical[rows] if dense is None else lexical[rows] + dense[rows]
            best = rows[np.argpartition(-closeness, CANDIDATES)[:CANDIDATES]]
            rows = np.union1d(best, [target])
        self.replay.add(
            Example(
                features=evidence.features,
                weights=evidence.weights,
                vector=evidence.vector,
                rows=rows.astype(np.int32),
                lexical=lexical[rows].astype(np.float16),
                dense=None if dense is None else dense[rows].astype(np.float16),
                target=target,
                useful=lesson.useful,
                weight=lesson.weight,
                chosen=lesson.chosen,
            )
        )

    def young(self) -> NDArray[np.bool_]:
        """Which rows came after training began and have few labels yet."""
        return (self.born[: self.used] > 0) & (self.counts[: self.used] < self.rules.cold_n)

    def burst(self, steps: int | None = None) -> dict[str, float]:
        """Take some optimiser steps; returns loss, grad_norm, entropy and ece of the last batch."""
        if not len(self.replay):
            return self.metrics
        self.bursts += 1
        for _ in range(self.rules.steps if steps is None else steps):
            self._step(self.replay.sample(self.rules.batch, self.rng))
        return self.metrics

    def snapshot(self, roster: Roster, **meta: Any) -> PolicySnapshot:
        """Export what the daemon scores with."""
        self.cover(roster.family_count)
        network = self.network
        return PolicySnapshot(
            gates=_array(network.gates),
            features=_array(network.features),
            dense=_array(network.dense),
            rows=_array(network.rows[: self.used]),
            bias=_array(network.bias[: self.used]),
            row_of=roster.family_map(),
            counts=self.counts[: self.used].copy(),
            meta={"version": POLICY_VERSION, "counter": self.bursts, **meta},
        )

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return (arrays, plain values) from which `restore` goes on exactly as this one would."""
        flat, scalars = self.replay.state()
        arrays: dict[str, NDArray[Any]] = {f"replay.{k}": v for k, v in flat.items()}
        arrays |= {f"network.{k}": v.detach().cpu().numpy().copy() for k, v in self.network.state_dict().items()}
        for name, parameter in self.network.named_parameters():
            for part, value in self.optimiser.state.get(parameter, {}).items():
                arrays[f"adam.{name}.{part}"] = value.detach().cpu().numpy().copy()
        arrays |= {"counts": self.counts.copy(), "born": self.born.copy()}
        plain = {"replay": scalars, "used": self.used, "bursts": self.bursts, "metrics": self.metrics}
        return arrays, {**plain, "rng": json.dumps(self.rng.bit_generator.state)}

    def restore(self, arrays: dict[str, NDArray[Any]], plain: dict[str, Any]) -> None:
        """Become the trainer that `state` described (made with the same rules)."""
        while self.network.room() < len(arrays["network.rows"]):
            self._grow()
        self.network.load_state_dict(
            {k: torch.from_numpy(arrays[f"network.{k}"].copy()) for k in self.network.state_dict()}
        )
        for name, parameter in self.network.named_parameters():
            parts = ("step", "exp_avg", "exp_avg_sq")
            found = {part: arrays.get(f"adam.{name}.{part}") for part in parts}
            if found["step"] is not None:
                self.optimiser.state[parameter] = {p: torch.from_numpy(np.array(v)) for p, v in found.items()}
        self.replay.restore({k[7:]: v for k, v in arrays.items() if k.startswith("replay.")}, plain["replay"])
        self.counts, self.born = arrays["counts"].copy(), arrays["born"].copy()
        self.used, self.bursts, self.metrics = plain["used"], plain["bursts"], plain["metrics"]
        self.rng.bit_generator.state = json.loads(plain["rng"])

    def _make_optimiser(self) -> torch.optim.Adam:
        lr, network = self.rules.lr, self.network
        groups = [
            {"params": [network.rows], "lr": lr, "weight_decay": self.rules.l2},
            {"params": [network.bias], "lr": lr},
            {"params": [network.gates], "lr": lr * GATE_RATE},
            {"params": [network.features, network.dense], "lr": lr * FEATURE_RATE},
        ]
        return torch.optim.Adam(groups, eps=ADAM_EPS, foreach=False)

    def _grow(self) -> None:
        """Add rows of zeros, to the network and to the optimiser's memory of it."""
        old = {name: (p, self.optimiser.state.get(p, {})) for name, p in self.network.named_parameters()}
        self.network.rows = nn.Parameter(_padded(self.network.rows.detach()))
        self.network.bias = nn.Parameter(_padded(self.network.bias.detach()))
        self.counts = np.concatenate([self.counts, np.zeros(GROWTH, np.float32)])
        self.born = np.concatenate([self.born, np.zeros(GROWTH, np.int64)])
        self.optimiser = self._make_optimiser()
        for name, parameter in self.network.named_parameters():
            before, memory = old[name]
            grown = before.shape != parameter.shape
            if memory:
                self.optimiser.state[parameter] = {
                    k: _padded(v) if grown and k != "step" else v for k, v in memory.items()
                }

    def _step(self, batch: list[Example]) -> None:
        tensors = self._collate(batch)
        network = self.network
        network.train()
        queries = network.query_vectors(tensors.features, tensors.weights, tensors.offsets, tensors.vectors)
        logits = network(queries, tensors.lexical, tensors.dense)
        picked = logits.gather(1, tensors.target[:, None]).squeeze(1)
        useful = nn.functional.binary_cross_entropy_with_logits(picked, tensors.useful, reduction="none")
        allowed = logits.masked_fill(~tensors.allowed, -torch.inf)
        choice = torch.logsumexp(allowed, 1) - picked
        loss = (useful * tensors.weight + choice * tensors.chosen).mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(network.parameters(), self.rules.clip)
        if bool(torch.isfinite(norm)):  # a broken batch must not poison the weights
            self.optimiser.step()
        odds = torch.softmax(allowed.detach(), 1)
        self.metrics = {
            "loss": float(loss.detach()),
            "grad_norm": float(norm),
            "entropy": float(-(odds * odds.clamp_min(1e-12).log()).sum(1).mean()),
            "ece": _calibration_error(torch.sigmoid(picked.detach()), tensors.useful, tensors.weight > 0),
        }

    def _collate(self, batch: list[Example]) -> _Batch:
        size, rows = len(batch), self.used
        lexical = np.zeros((size, rows), np.float32)
        allowed = np.zeros((size, rows), np.bool_)
        dense = np.zeros((size, rows), np.float32) if batch[0].dense is not None else None
        old = ~self.young()
        for i, example in enumerate(batch):
            lexical[i, example.rows] = example.lexical
            allowed[i, example.rows] = old[example.rows]
            allowed[i, example.target] = True
            if dense is not None and example.dense is not None:
                dense[i, example.rows] = example.dense
        lengths = np.array([len(e.features) for e in batch])
        vectors = [e.vector for e in batch if e.vector is not None]
        width = int(self.network.dense.shape[0])
        put = self._put
        return _Batch(
            features=put(np.concatenate([e.features for e in batch]).astype(np.int64)),
            weights=put(np.concatenate([e.weights for e in batch]).astype(np.float32)),
            offsets=put(np.cumsum(lengths) - lengths),
            vectors=put(np.stack(vectors).astype(np.float32)) if width and len(vectors) == size else None,
            lexical=put(lexical),
            dense=None if dense is None else put(dense),
            allowed=put(allowed),
            target=put(np.array([e.target for e in batch], np.int64)),
            useful=put(np.array([e.useful or 0.0 for e in batch], np.float32)),
            weight=put(np.array([e.weight if e.useful is not None else 0.0 for e in batch], np.float32)),
            chosen=put(np.array([e.chosen for e in batch], np.float32)),
        )

    def _put(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(array).to(self.device)


@dataclass(frozen=True, slots=True)
class _Batch:
    features: Tensor
    weights: Tensor
    offsets: Tensor
    vectors: Tensor | None
    lexical: Tensor
    dense: Tensor | None
    allowed: Tensor
    target: Tensor
    useful: Tensor
    weight: Tensor
    chosen: Tensor


def _padded(tensor: Tensor) -> Tensor:
    return torch.cat([tensor, torch.zeros(GROWTH, *tensor.shape[1:], dtype=tensor.dtype, device=tensor.device)])


def _array(tensor: Tensor) -> NDArray[np.float32]:
    made: NDArray[np.float32] = tensor.detach().cpu().numpy().astype(np.float32, copy=True)
    return made


def _calibration_error(predicted: Tensor, truth: Tensor, counted: Tensor) -> float:
    """Expected calibration error in `ECE_BINS` bins of equal width."""
    p, y = predicted[counted].cpu().numpy(), truth[counted].cpu().numpy()
    if not len(p):
        return 0.0
    bins = np.minimum((p * ECE_BINS).astype(int), ECE_BINS - 1)
    gaps = [abs(float(p[bins == b].mean() - y[bins == b].mean())) * float((bins == b).mean()) for b in np.unique(bins)]
    return float(sum(gaps))
