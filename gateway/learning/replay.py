"""The replay buffer: a ring of lessons with the evidence they were given on. No I/O; randomness is an argument."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RECENT = 2000
RECENT_SHARE = 0.3
"""This share of a batch comes from the newest `RECENT` lessons, so that drift is noticed before the ring has turned."""


@dataclass(frozen=True, slots=True)
class Example:
    """A lesson: query features, each candidate row's z-scores, the row that was called, and its labels."""

    features: NDArray[np.int32]
    weights: NDArray[np.float32]
    vector: NDArray[np.float32] | None
    rows: NDArray[np.int32]  # candidate rows
    lexical: NDArray[np.float16]
    dense: NDArray[np.float16] | None
    target: int  # row
    useful: float | None
    weight: float
    chosen: float


class Replay:
    """At most `capacity` examples, oldest out first."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._items: list[Example] = []
        self._next = 0  # where the next one goes once the ring is full

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Example]:
        """Oldest first."""
        return (self._at(i) for i in range(len(self._items)))

    def add(self, example: Example) -> None:
        """Take one in."""
        if len(self._items) < self.capacity:
            self._items.append(example)
            return
        self._items[self._next] = example
        self._next = (self._next + 1) % self.capacity

    def sample(self, size: int, rng: np.random.Generator) -> list[Example]:
        """Draw a batch with replacement, part of it from the newest."""
        total = len(self)
        recent = round(size * RECENT_SHARE) if total > RECENT else 0
        places = np.concatenate(
            [rng.integers(0, total, size - recent), rng.integers(total - min(RECENT, total), total, recent)]
        )
        return [self._at(i) for i in places.tolist()]

    def state(self) -> tuple[dict[str, NDArray[Any]], list[list[Any]]]:
        """Return (flat arrays, one row of scalars per example), from which `restore` makes the same buffer."""
        items = list(self)
        flat = {
            "features": _join([e.features for e in items], np.int32),
            "weights": _join([e.weights for e in items], np.float32),
            "rows": _join([e.rows for e in items], np.int32),
            "lexical": _join([e.lexical for e in items], np.float16),
            "dense": _join([e.dense for e in items if e.dense is not None], np.float16),
            "vector": _join([e.vector for e in items if e.vector is not None], np.float32),
        }
        scalars = [
            [
                len(e.features),
                len(e.rows),
                e.dense is not None,
                0 if e.vector is None else len(e.vector),
                e.target,
                e.useful,
                e.weight,
                e.chosen,
            ]
            for e in items
        ]
        return flat, scalars

    def restore(self, flat: dict[str, NDArray[Any]], scalars: list[list[Any]]) -> None:
        """Become the buffer that `state` described."""
        at = dict.fromkeys(flat, 0)

        def take(name: str, count: int) -> NDArray[Any]:
            at[name] += count
            return flat[name][at[name] - count : at[name]].copy()

        self._items.clear()
        self._next = 0
        for features, rows, dense, vector, target, useful, weight, chosen in scalars:
            self.add(
                Example(
                    features=take("features", features),
                    weights=take("weights", features),
                    vector=take("vector", vector) if vector else None,
                    rows=take("rows", rows),
                    lexical=take("lexical", rows),
                    dense=take("dense", rows) if dense else None,
                    target=target,
                    useful=useful,
                    weight=weight,
                    chosen=chosen,
                )
            )

    def _at(self, age: int) -> Example:
        return self._items[(self._next + age) % len(self._items)]


def _join(arrays: list[NDArray[Any]], dtype: Any) -> NDArray[Any]:
    return np.concatenate(arrays).astype(dtype) if arrays else np.zeros(0, dtype)
