"""Near-duplicates: tools of different servers that say the same in nearly the same words form one family. No I/O.

A family shares what is learned of relevance; its members differ in reliability only. Two tools of one named server
are never counted as duplicates: `create_issue` and `update_issue` read alike and do different things.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gateway.learning.lexical import Document, Inverted

THRESHOLD = 0.6
"""Cosine of character TF-IDF above which two tools are one; measured: finds rewritten clones at full precision."""

SKETCH = 256
SKETCH_MARGIN = 0.22
"""A random projection of this width errs by 1/16 (one sigma): three and a half sigma below the threshold lose
nothing."""

_SIGNS_SEED = 20251
_SIGNS_ROWS = 4096


def sketches(index: Inverted, documents: list[Document]) -> NDArray[np.float32]:
    """Project each tool's character TF-IDF vector to SKETCH numbers, keeping cosines roughly."""
    signs = np.random.default_rng(_SIGNS_SEED).choice(np.array([-1, 1], np.float32), (_SIGNS_ROWS, SKETCH))
    made = np.zeros((len(documents), SKETCH), np.float32)
    for i, document in enumerate(documents):
        places, weights = index.weigh(document.chars)
        made[i] = weights.astype(np.float32) @ signs[index.vocabulary[places] % _SIGNS_ROWS]
    return made / np.float32(np.sqrt(SKETCH))


def cosine(index: Inverted, one: Document, other: Document) -> float:
    """Return the exact cosine of two tools' character TF-IDF vectors."""
    places_a, weights_a = index.weigh(one.chars)
    places_b, weights_b = index.weigh(other.chars)
    _, at_a, at_b = np.intersect1d(places_a, places_b, assume_unique=True, return_indices=True)
    return float(weights_a[at_a] @ weights_b[at_b])


def nearest_earlier(
    index: Inverted, documents: list[Document], servers: list[str], first_new: int
) -> list[tuple[int, int]]:
    """For each tool from `first_new` on, find the closest earlier tool above the threshold: (tool, that tool)."""
    made = sketches(index, documents)
    pairs: list[tuple[int, int]] = []
    for i in range(first_new, len(documents)):
        rough = made[:i] @ made[i]
        best, found = THRESHOLD, -1
        for j in np.flatnonzero(rough > THRESHOLD - SKETCH_MARGIN).tolist():
            if servers[i] and servers[i] == servers[j]:
                continue
            exact = cosine(index, documents[i], documents[j])
            if exact > best:
                best, found = exact, j
        if found >= 0:
            pairs.append((i, found))
    return pairs
