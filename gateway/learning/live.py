"""The policy as the daemon runs it: numpy only, synchronous, never failing. It decides, and it counts what it is told.

Reliability, usefulness and popularity are live: a failing tool sinks within a few calls, before anything was trained,
and the counts survive a restart in `live.json`. Relevance comes from the newest snapshot that the learner wrote;
without one (or with a broken one) the order is the static ranker's times reliability. The scoring is `policy.py`'s,
the same as `Selector`'s.
"""

from __future__ import annotations

import json
import random
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import structlog

from gateway.clock import Clock, rfc3339
from gateway.config.learning import LearningSection
from gateway.facts import CallFinished, Fact, Rewarded
from gateway.learning import policy
from gateway.learning.files import write_atomically
from gateway.learning.outages import NEVER, Outages
from gateway.learning.reliability import Reliability, ReliabilityRules
from gateway.learning.reward import call_reward, label_of
from gateway.learning.roster import Evidence, Roster
from gateway.learning.snapshot import PolicySnapshot, SnapshotRefused, base_snapshot, read_file
from gateway.learning.standing import Standing
from gateway.learning.windows import Windows
from gateway.model import Caller, ChooseRequest, Decision, DecisionKind, ToolCard, ToolScore

HALF_LIFE_S = 6 * 3600.0
"""An estimate of reliability is half forgotten after this long without calls; the tool gets its next chance by
itself."""

STATE_FILE = "live.json"
MAX_STATE_BYTES = 64 << 20
REMEMBERED_CALLS = 4096
"""How many calls are known by id to be counted: more than a killed daemon can have left uncounted."""

log = structlog.get_logger("learning")


@dataclass(frozen=True, slots=True)
class _Made:
    """An order over the known candidates; `static_first` is given for evaluation decisions only."""

    names: list[str]
    odds: list[float | None]
    explain: tuple[ToolScore, ...]
    static_first: str | None = None


class LivePolicy:
    """Satisfies `endpoint.ports.Chooser`, and listens to facts."""

    def __init__(self, *, config: LearningSection, directory: Path, clock: Clock, rng: random.Random) -> None:
        """Read counts and the last adopted snapshot from `directory`; what is missing or broken is left out, with a
        log line."""
        self._config = config
        self._directory = directory
        self._clock = clock
        self._rng = rng
        self._roster = Roster()
        self._reliability = Reliability(
            ReliabilityRules(config.prior_a, config.prior_b, config.decay, config.breaker_errors, HALF_LIFE_S)
        )
        self._standing = Standing()
        self._windows = Windows()
        self._outages = Outages()
        self._base = base_snapshot()
        self._snapshot: PolicySnapshot = self._base
        self._snapshot_file: str | None = None
        self._serving_since: float = clock.wall()
        self._rows: policy.Ints = np.zeros(0, np.int64)
        self._toolset_version = ""
        self._dirty = False
        self._counted: deque[str] = deque(maxlen=REMEMBERED_CALLS)
        self.frozen = False
        """Whether training is stopped by the operator."""
        self.experiences = 0
        """Labels seen since the beginning."""
        self.pending = 0
        """Labels seen since the learner last trained."""
        self.toolset_changes = 0
        """Counts calls of `set_tools`, so that the learner link knows when to pass the tools on."""
        self._restore()

    def set_tools(self, toolset_version: str, cards: Sequence[ToolCard]) -> None:
        """Know exactly these tools from now on."""
        self._toolset_version = toolset_version
        self._roster.replace(cards)
        self._rows = self._match_rows()
        self.toolset_changes += 1

    def decide(self, request: ChooseRequest) -> Decision:
        """Order the candidates for this caller; unknown names keep their order, at the end."""
        seed = self._rng.getrandbits(32)
        decision_id = f"dec_{self._rng.getrandbits(80):020x}"
        known = [name for name in request.candidates if name in self._roster]
        unknown = [name for name in request.candidates if name not in self._roster]
        made = self._order(request, known, random.Random(seed)) if known else _Made([], [], ())
        size = min(max(request.k, 0), len(request.candidates))
        bucket = made.static_first is not None and size > 0
        if bucket:
            first, odds = made.names[0], made.odds[0]
            self._windows.decided(decision_id, first, odds or 1.0, is_static=made.static_first == first)
        caller = request.caller
        return Decision(
            id=decision_id,
            kind=request.kind,
            at=self._clock.wall(),
            key=caller.key if not request.session else f"{caller.key}\x1f{request.session}",
            agent=caller.agent,
            run=caller.run,
            round=request.round,
            shown=tuple([*made.names, *unknown][:size]),
            propensities=tuple([*made.odds, *([None] * len(unknown))][:size]),
            seed=seed,
            policy_version=self.version,
            toolset_version=self._toolset_version,
            bucket=bucket,
            query=request.query or caller.task or None,
            mode=self._config.mode,
            explain=made.explain[:size],
        )

    def __call__(self, fact: Fact) -> None:
        """Count what happened; cheap, never raises for facts of other rooms."""
        if isinstance(fact, CallFinished):
            self._call_finished(fact)
        elif isinstance(fact, Rewarded):
            self._rewarded(fact)
        else:
            self._outages.heard(fact, self._clock.now())

    def adopt(self, path: Path) -> None:
        """Serve with this snapshot from the next decision on. Raises: SnapshotRefused; then the old one stays."""
        self.adopt_snapshot(read_file(path), path.name)

    def adopt_snapshot(self, snapshot: PolicySnapshot, name: str) -> None:
        """Like `adopt`, for a snapshot that was already read (elsewhere, so that no decision waits for the disk)."""
        if snapshot.meta.get("version") != self._base.meta["version"]:
            raise SnapshotRefused(f"snapshot of policy version {snapshot.meta.get('version')!r}")
        if snapshot.meta.get("counter") != self._snapshot.meta.get("counter"):
            self._serving_since = self._clock.wall()
        self._snapshot, self._snapshot_file = snapshot, name
        self._rows = self._match_rows()
        self._dirty = True

    def cards(self) -> list[dict[str, Any]]:
        """Return the tools as the learner process takes them."""
        return self._roster.cards_as_builtins()

    @property
    def state_file(self) -> Path:
        """Where the counts are kept."""
        return self._directory / STATE_FILE

    def take_state(self) -> bytes | None:
        """Return the counts as they shall stand in `state_file`, or None when nothing changed since the last time."""
        if not self._dirty:
            return None
        self._dirty = False
        return json.dumps(self._state()).encode()

    def flush(self) -> None:
        """Write the counts down if they changed. Raises: OSError."""
        data = self.take_state()
        if data is not None:
            write_atomically(self.state_file, data)

    def freeze(self, *, frozen: bool = True) -> None:
        """Stop (or resume) training; counts go on. Kept over restarts."""
        self.frozen = frozen
        self._dirty = True

    def reset(self) -> None:
        """Forget everything learned: counts, snapshot, windows."""
        self._reliability.restore({})
        self._standing, self._windows = Standing(), Windows()
        self._snapshot, self._snapshot_file = self._base, None
        self._rows = self._match_rows()
        self.experiences = self.pending = 0
        self._dirty = True

    @property
    def version(self) -> str:
        """Policy version and training counter of what serves now."""
        return f"{self._snapshot.meta['version']}.{self._snapshot.meta['counter']}"

    def explain(self, query: str, caller: Caller, candidates: Sequence[str]) -> list[ToolScore]:
        """Return the candidates, best first, with the numbers behind the order. Draws nothing and records nothing."""
        known = [name for name in candidates if name in self._roster]
        evidence = self._roster.evidence(query or caller.task)
        ranking = self._ranking(evidence, known)
        return [*self._scores(ranking, ranking.order), *(_unknown(n) for n in candidates if n not in self._roster)]

    def status(self) -> dict[str, Any]:
        """Return the `learn status` of CONTRACT section 4, without the learner's row."""
        metrics = self._snapshot.meta.get("metrics") or {}
        now = self._clock.wall()
        rows = [
            {**row, "from": rfc3339(row["from"]), "to": rfc3339(row["to"])}
            for row in self._windows.rows(now)
            if row.get("from") is not None
        ]
        return {
            "mode": self._config.mode,
            "version": self.version,
            "frozen": self.frozen,
            "serving_since": rfc3339(self._serving_since),
            "experiences": self.experiences,
            "pending": self.pending,
            "windows": rows,
            **{name: metrics.get(name) for name in ("loss", "grad_norm", "entropy", "ece")},
            "breakers": sorted(tool for tool in self._reliability.tripped() if tool in self._roster),
        }

    def _order(self, request: ChooseRequest, known: list[str], rng: random.Random) -> _Made:
        evidence = self._roster.evidence(request.query or request.caller.task)
        ranking = self._ranking(evidence, known)
        static = self._static(evidence, known)
        coin, uniform = rng.random(), rng.random()
        order = self._shown_order(request, evidence, ranking, static)
        size = min(max(request.k, 0), len(order))
        odds: list[float | None] = [None] * len(order)
        static_first = None
        if self._config.mode == "on" and coin < self._config.bucket and size:
            slot = policy.slot_odds(ranking, static, policy.exploration(self.experiences))
            full = policy.to_front(order, policy.draw(slot, uniform))
            odds[:size] = policy.propensities(order, full[:size], slot, 1.0)
            order, static_first = full, self._roster.ids[int(static[0])]
        names = [self._roster.ids[i] for i in order]
        return _Made(names, odds, tuple(self._scores(ranking, order[:size])), static_first)

    def _shown_order(
        self, request: ChooseRequest, evidence: Evidence, ranking: policy.Ranking, static: policy.Ints
    ) -> policy.Ints:
        if self._config.mode != "on":
            return static
        trained = len(self._snapshot.rows) > 0
        if not self._config.cold_slot or not trained or evidence.empty or request.kind is DecisionKind.FALLBACK:
            return ranking.order
        counts = self._labels()
        young = (counts < self._config.cold_n) & (ranking.reliability > NEVER)
        return policy.reserve_cold(
            ranking.order, static, counts=counts, young=young, k=request.k, cold_n=self._config.cold_n
        )

    def _ranking(self, evidence: Evidence, known: list[str]) -> policy.Ranking:
        ids = self._roster.ids
        reliability = self._reliability.means(ids, self._clock.wall())
        for name in self._outages.of(self._roster.cards, self._clock.now()):
            reliability[self._roster.position(name)] = NEVER
        bonus = self._standing.usefulness(ids)
        if evidence.empty and len(ids):
            popularity = self._roster.family_max(self._standing.popularity(ids))
            bonus = bonus + popularity[self._roster.families]
        among = self._positions(known)
        return policy.rank(self._roster, self._snapshot, evidence, self._rows, reliability, bonus=bonus, among=among)

    def _static(self, evidence: Evidence, known: list[str]) -> policy.Ints:
        if evidence.empty:  # nothing to compare: the endpoint's own order
            return self._positions(known)
        return policy.static_order(self._roster, self._base, evidence, among=self._positions(known))

    def _positions(self, known: list[str]) -> policy.Ints:
        return np.array([self._roster.position(name) for name in known], np.int64)

    def _labels(self) -> policy.Ints:
        counts = self._snapshot.counts
        if not len(counts):
            return np.zeros(len(self._roster), np.int64)
        return np.where(self._rows >= 0, counts[np.maximum(self._rows, 0)], 0).astype(np.int64)

    def _match_rows(self) -> policy.Ints:
        """Find each tool's learned row by its text, else by a near-duplicate's."""
        rows = np.array([self._snapshot.row_of.get(key, -1) for key in self._roster.keys], np.int64)
        rows = np.where(rows < len(self._snapshot.rows), rows, -1)
        if len(rows):
            of_family = np.full(self._roster.family_count, -1, np.int64)
            np.maximum.at(of_family, self._roster.families, rows)
            rows = np.where(rows >= 0, rows, of_family[self._roster.families])
        return rows

    def _scores(self, ranking: policy.Ranking, order: policy.Ints) -> list[ToolScore]:
        """The numbers behind an order; `score` is relative to the best tool's."""
        made = []
        outages = self._outages.of(self._roster.cards, self._clock.now())
        best = float(ranking.score[order].max(initial=-np.inf))
        for i in order.tolist():
            name = self._roster.ids[i]
            relevance, reliability = float(ranking.relevance[i]), float(ranking.reliability[i])
            n = self._reliability.calls(name)
            runs = f"{100 * reliability:.0f} % of the time"
            seen = f"runs {runs} ({n} calls)" if n else f"not called yet, expected to run {runs}"
            why = f"relevance {relevance:.2f}, {outages.get(name, seen)}"
            made.append(ToolScore(name, float(np.exp(ranking.score[i] - best)), relevance, reliability, n, why))
        return made

    def catch_up(self, calls: Iterable[CallFinished]) -> int:
        """Count those of the ledger's newest calls (oldest first) that are not counted yet; returns how many.

        The ledger commits five times a second, the counts are written every second: a killed daemon leaves a gap.
        """
        counted = set(self._counted)
        missed = [call for call in calls if call.call_id not in counted]
        for call in missed:
            self._call_finished(call)
        return len(missed)

    def _call_finished(self, fact: CallFinished) -> None:
        self._counted.append(fact.call_id)
        label = label_of(fact.outcome)
        if label is None:
            return
        self._reliability.observe(fact.exposed, ran=label.ran, now=self._clock.wall())
        if label.ran:
            self._standing.succeeded(fact.exposed)
        self._windows.called(fact.at, fact.exposed, call_reward(label, None, fact.latency_s), fact.decision_id)
        self._count()

    def _rewarded(self, fact: Rewarded) -> None:
        if fact.tool is not None:
            self._standing.judged(fact.tool, fact.value, fact.weight, fact.provenance)
        self._count()

    def _count(self) -> None:
        self.experiences += 1
        self.pending += 1
        self._dirty = True

    def _state(self) -> dict[str, Any]:
        return {
            "format": 1,
            "reliability": self._reliability.state(),
            "standing": self._standing.state(),
            "windows": self._windows.state(),
            "experiences": self.experiences,
            "pending": self.pending,
            "frozen": self.frozen,
            "snapshot": self._snapshot_file,
            "counted": list(self._counted),
        }

    def _restore(self) -> None:
        try:
            state = _read_state(self.state_file)
            if state is None:
                return
            self._reliability.restore(state["reliability"])
            self._standing.restore(state["standing"])
            self._windows.restore(state["windows"])
            self.experiences, self.pending = int(state["experiences"]), int(state["pending"])
            self.frozen = bool(state["frozen"])
            self._counted.extend(map(str, state.get("counted", ())))
            file = state["snapshot"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("live_counts_unreadable", file=str(self.state_file), reason=str(error))
            return
        if file is not None:
            try:
                self.adopt(self._directory / "snapshots" / Path(str(file)).name)
            except SnapshotRefused as error:
                log.warning("snapshot_refused", file=str(file), reason=str(error))
        self._dirty = False


def _read_state(path: Path) -> dict[str, Any] | None:
    """Read the counts; None when there are none yet. Raises: OSError, ValueError, TypeError."""
    if not path.exists():
        return None
    if path.stat().st_size > MAX_STATE_BYTES:
        raise ValueError("the file is too large to be ours")
    return dict(json.loads(path.read_bytes()))


def _unknown(name: str) -> ToolScore:
    return ToolScore(name, 0.0, 0.0, 0.0, 0, "unknown to the policy")
