"""PolicySnapshot: what was learned of relevance, as plain arrays; scored with numpy exactly as the torch network does.

Pure: bytes in, bytes out. A snapshot of wrong shapes or with numbers that are not finite is refused by `from_bytes`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from gateway.learning.lexical import Floats
from gateway.learning.roster import Evidence
from gateway.learning.text import QUERY_SPACE

FORMAT = 1
POLICY_VERSION = "1"
"""Algorithm, architecture and features. Weights change inside one version; a change here is a new version."""

RESIDUAL_SCALE = 4.0
"""Length of the query vector: with unit length a row would have to grow large before it says anything."""

BASE_GATES = (1.6, 0.8, -4.5)
"""Weight of the encoder's and of the words' z-score, and offset, before anything was observed. With words alone the
scale makes the first hits count as 1:20 evidence; order at cold start does not depend on it."""


class SnapshotRefused(ValueError):
    """The bytes are no usable snapshot; the message says why."""


@dataclass(frozen=True, slots=True)
class PolicySnapshot:
    """Learned relevance. `row_of` maps a tool's text key to its row of `rows` and `bias`."""

    gates: NDArray[np.float32]  # (3,): dense, lexical, offset
    features: NDArray[np.float32]  # (QUERY_SPACE, width): one vector per hashed query feature
    dense: NDArray[np.float32]  # (encoder width or 0, width)
    rows: NDArray[np.float32]  # (tools, width)
    bias: NDArray[np.float32]  # (tools,)
    row_of: dict[str, int] = field(default_factory=dict)
    counts: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))  # (tools,) labels seen
    meta: dict[str, Any] = field(default_factory=dict)

    def query_vector(self, evidence: Evidence) -> NDArray[np.float32]:
        """Return the query in the network's space: RESIDUAL_SCALE long, or zero when nothing is known of it."""
        vector = evidence.weights @ self.features[evidence.features] if len(evidence.features) else None
        total = np.zeros(self.features.shape[1], np.float32) if vector is None else vector
        if evidence.vector is not None and len(self.dense) == len(evidence.vector):
            total = total + evidence.vector @ self.dense
        norm = float(np.sqrt(np.sum(total.astype(np.float64) ** 2)))
        return (total * np.float32(RESIDUAL_SCALE / norm)) if norm > 1e-6 else np.zeros_like(total)

    def logits(self, evidence: Evidence, rows: NDArray[np.int64]) -> Floats:
        """Return each tool's relevance as a logit, in float64; row -1 means nothing is learned of the tool."""
        score: Floats = float(self.gates[1]) * evidence.lexical + float(self.gates[2])
        if evidence.dense is not None:
            score = score + float(self.gates[0]) * evidence.dense
        if not len(self.rows):
            return score
        learned = (self.rows @ self.query_vector(evidence)).astype(np.float64) + self.bias
        found: Floats = np.where(rows >= 0, learned[np.maximum(rows, 0)], 0.0)
        return score + found

    def to_bytes(self) -> bytes:
        """Spell the snapshot as a safetensors file whose metadata is JSON."""
        header = {"format": str(FORMAT), "meta": json.dumps(self.meta), "row_of": json.dumps(self.row_of)}
        return save({name: np.ascontiguousarray(getattr(self, name)) for name in _ARRAYS}, metadata=header)


_ARRAYS = ("gates", "features", "dense", "rows", "bias", "counts")


def base_snapshot() -> PolicySnapshot:
    """Return the policy of the first minute: fusion weights and nothing learned. Equals the static ranker."""
    empty = np.zeros((0, 1), np.float32)
    return PolicySnapshot(
        gates=np.array(BASE_GATES, np.float32),
        features=np.zeros((QUERY_SPACE, 1), np.float32),
        dense=empty,
        rows=empty,
        bias=np.zeros(0, np.float32),
        meta={"version": POLICY_VERSION, "counter": 0},
    )


def from_bytes(data: bytes) -> PolicySnapshot:
    """Read a snapshot. Raises: SnapshotRefused."""
    try:
        arrays = load(data)
        header = _metadata(data)
        row_of = {str(k): int(v) for k, v in json.loads(header["row_of"]).items()}
        meta = dict(json.loads(header["meta"]))
    except (SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise SnapshotRefused(f"not a snapshot: {error}") from error
    if header.get("format") != str(FORMAT):
        raise SnapshotRefused(f"snapshot format {header.get('format')!r}, this program reads {FORMAT}")
    if missing := [name for name in _ARRAYS if name not in arrays]:
        raise SnapshotRefused(f"snapshot lacks {', '.join(missing)}")
    made = PolicySnapshot(**{name: arrays[name] for name in _ARRAYS}, row_of=row_of, meta=meta)
    check(made)
    return made


def read_file(path: Path) -> PolicySnapshot:
    """Read a snapshot file. Raises: SnapshotRefused."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SnapshotRefused(f"cannot read {path.name}: {error.strerror}") from error
    return from_bytes(data)


def check(snapshot: PolicySnapshot) -> None:
    """Verify shapes and numbers. Raises: SnapshotRefused."""
    width = snapshot.features.shape[-1]
    tools = len(snapshot.rows)
    fits = (
        snapshot.gates.shape == (3,)
        and snapshot.features.shape == (QUERY_SPACE, width)
        and snapshot.rows.shape == (tools, width)
        and snapshot.bias.shape == (tools,)
        and snapshot.counts.shape in ((tools,), (0,))
        and snapshot.dense.ndim == 2
        and snapshot.dense.shape[1] == width
        and all(0 <= row < tools for row in snapshot.row_of.values())
    )
    if not fits:
        raise SnapshotRefused("snapshot has wrong shapes")
    for name in _ARRAYS:
        array = getattr(snapshot, name)
        if array.dtype != np.float32 or not np.isfinite(array).all():
            raise SnapshotRefused(f"snapshot holds numbers that are not finite ({name})")


def _metadata(data: bytes) -> dict[str, str]:
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    return {str(k): str(v) for k, v in header["__metadata__"].items()}
