"""What the learner process does with experience rows: lessons for the trainer, trials for evaluation, one checkpoint
file.

The checkpoint makes a restart exact: weights, optimiser, replay, generator and the cursor into the store. Not a
process, no protocol.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import structlog
from safetensors import SafetensorError
from safetensors.numpy import load, save

from gateway.learning import evaluate, policy
from gateway.learning.evaluate import Estimate, Log
from gateway.learning.files import write_atomically
from gateway.learning.lexical import Floats
from gateway.learning.ports import ExperienceSource
from gateway.learning.reliability import Reliability, ReliabilityRules
from gateway.learning.reward import Label, call_reward, label_of, lesson
from gateway.learning.roster import Roster
from gateway.learning.snapshot import POLICY_VERSION, base_snapshot
from gateway.learning.trainer import Trainer, TrainingRules
from gateway.model import ToolCard
from gateway.store.experience import ExperienceRow

CHECKPOINT_FILE = "checkpoint.safetensors"
CHECKPOINT_ROWS = 512
"""A checkpoint weighs tens of megabytes; rows read since the last one are read again from the store after a crash."""

MAX_BURSTS = 200
"""Bursts of one `train`: a long backlog is learned from without keeping the link waiting for minutes."""

KEPT_TRIALS = 5000
HALF_LIFE_S = 6 * 3600.0

log = structlog.get_logger("learner")


@dataclass(slots=True)
class Trial:
    """One evaluation decision that led to a call: its first tool, the odds of it, and what it earned."""

    query: str
    first: str
    propensity: float
    reward: float = 0.0


class Course:
    """Trainer, roster and cursor of one learner."""

    def __init__(self, config: Mapping[str, Any], directory: Path) -> None:
        known = TrainingRules.__dataclass_fields__
        self._rules = TrainingRules(**{k: v for k, v in config.items() if k in known})
        self._every = max(1, int(config.get("every", 32)))
        self._directory = directory
        self._roster = Roster()
        self._trainer = Trainer(self._rules)
        self._reliability = Reliability(_reliability_rules(config))
        self._trials: OrderedDict[str, Trial] = OrderedDict()
        self._seq = 0
        self._rows_since_checkpoint = 0

    @classmethod
    def open(cls, config: Mapping[str, Any], directory: Path) -> Course:
        """Make a course, restored from the checkpoint in `directory`; a broken checkpoint is left aside with a log
        line."""
        made = cls(config, directory)
        path = directory / CHECKPOINT_FILE
        if not path.exists():
            return made
        try:
            made._restore(path.read_bytes())
        except (OSError, SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
            log.warning("checkpoint_unreadable", file=str(path), reason=str(error))
            return cls(config, directory)
        return made

    @property
    def version(self) -> str:
        """Policy version and counter, as in the snapshot's name."""
        return f"v{POLICY_VERSION}-{self._trainer.bursts:08d}"

    def set_tools(self, cards: Sequence[ToolCard]) -> None:
        """Know exactly these tools."""
        self._roster.replace(cards)
        self._trainer.cover(self._roster.family_count)

    def study(self, reader: ExperienceSource, limit: int) -> int:
        """Read up to `limit` new rows and train on them; returns how many were read."""
        rows = reader.since(self._seq, limit)
        for start in range(0, len(rows), self._every):
            for row in rows[start : start + self._every]:
                self._take(row)
            if len(rows) - start <= MAX_BURSTS * self._every:
                self._trainer.burst()
        self._rows_since_checkpoint += len(rows)
        return len(rows)

    def snapshot_bytes(self) -> bytes:
        """Return the snapshot file's content."""
        return self._trainer.snapshot(self._roster, metrics=self._trainer.metrics, seq=self._seq).to_bytes()

    def describe(self) -> dict[str, Any]:
        """Return metrics and counters."""
        metrics = {name: self._trainer.metrics.get(name) for name in ("loss", "grad_norm", "entropy", "ece")}
        return {"version": self.version, "seq": self._seq, "replay": len(self._trainer.replay), "metrics": metrics}

    def evaluate(self) -> dict[str, Any]:
        """Estimate learned and static on the logged trials (those that led to a call), about slot one."""
        trials = [t for t in self._trials.values() if t.first in self._roster]
        if len(trials) < 2:
            return {"estimates": [], "promote": False, "reason": f"only {len(trials)} evaluation decisions were logged"}
        recorded = Log(np.array([t.reward for t in trials]), np.array([t.propensity for t in trials]))
        learned, static = self._targets(trials)
        estimates: list[Estimate] = []
        for name, target in (("learned", learned), ("static", static)):
            estimates += [evaluate.ips(recorded, target, name), evaluate.snips(recorded, target, name)]
        difference = evaluate.paired(recorded, learned, static, "learned - static")
        promote, reason = evaluate.promote(difference)
        rows = [_finite(asdict(estimate)) for estimate in (*estimates, difference)]
        return {"estimates": rows, "promote": promote, "reason": reason}

    def checkpoint_if_due(self, *, force: bool = False) -> None:
        """Write the checkpoint when enough was read since the last one."""
        if force or self._rows_since_checkpoint >= CHECKPOINT_ROWS:
            write_atomically(self._directory / CHECKPOINT_FILE, self._checkpoint())
            self._rows_since_checkpoint = 0

    def _take(self, row: ExperienceRow) -> None:
        self._seq = max(self._seq, row.seq)
        label = Label.OK if row.kind == "reward" else label_of(row.outcome)
        if label is None:
            return
        if row.kind == "call":
            self._reliability.observe(row.tool, ran=label.ran, now=row.at)
            self._note_trial(row, call_reward(label, None, row.latency_s))
        place = row.shown.index(row.tool) if row.tool in row.shown else None
        taught = lesson(label, row.usefulness, place, row.weight)
        if taught is not None and row.tool in self._roster:
            self._trainer.add(self._roster, self._roster.evidence(row.query), row.tool, taught)

    def _note_trial(self, row: ExperienceRow, reward: float) -> None:
        if not row.bucket or row.decision_id is None or not row.shown or not row.propensities[0]:
            return
        trial = self._trials.setdefault(row.decision_id, Trial(row.query, row.shown[0], row.propensities[0]))
        if row.tool == trial.first:
            trial.reward = max(trial.reward, reward)
        if len(self._trials) > KEPT_TRIALS:
            self._trials.popitem(last=False)

    def _targets(self, trials: list[Trial]) -> tuple[Floats, Floats]:
        """For each trial: does the learned policy (as it is now), does the static ranker put that tool first?"""
        snapshot, base = self._trainer.snapshot(self._roster), base_snapshot()
        reliability = self._reliability.means(self._roster.ids, self._reliability.latest())
        learned, static = np.zeros(len(trials)), np.zeros(len(trials))
        for i, trial in enumerate(trials):
            evidence = self._roster.evidence(trial.query)
            at = self._roster.position(trial.first)
            ranking = policy.rank(self._roster, snapshot, evidence, self._roster.families, reliability)
            learned[i] = ranking.order[0] == at
            static[i] = policy.static_order(self._roster, base, evidence)[0] == at
        return learned, static

    def _checkpoint(self) -> bytes:
        arrays, plain = self._trainer.state()
        state = {
            "trainer": plain,
            "cards": self._roster.cards_as_builtins(),
            "families": self._roster.family_map(),
            "reliability": self._reliability.state(),
            "trials": {k: [t.query, t.first, t.propensity, t.reward] for k, t in self._trials.items()},
            "seq": self._seq,
        }
        return save(arrays, metadata={"state": json.dumps(state)})

    def _restore(self, data: bytes) -> None:
        size = int.from_bytes(data[:8], "little")
        state = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["state"])
        self._roster.restore([msgspec.convert(c, ToolCard) for c in state["cards"]], state["families"])
        self._trainer.restore(load(data), state["trainer"])
        self._reliability.restore(state["reliability"])
        self._trials = OrderedDict((k, Trial(*values)) for k, values in state["trials"].items())
        self._seq = state["seq"]


def _reliability_rules(config: Mapping[str, Any]) -> ReliabilityRules:
    known = ("prior_a", "prior_b", "decay", "breaker_errors")
    return ReliabilityRules(**{k: config[k] for k in known if k in config}, half_life=HALF_LIFE_S)


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    """JSON knows no infinity: an unbounded interval is null."""
    return {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in row.items()}
