"""The torch module of learned relevance. Runs in the learner and in `Selector`; the daemon scores its exported arrays.

logit(query, row) = dense gate * z(dense) + lexical gate * z(lexical) + offset + <4 h / |h|, row vector> + row bias,
where h sums the vectors of the query's hashed features (plus the projected encoder vector). Row vectors and biases
start at zero: before anything is learned the logit is the static ranker's.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gateway.learning.snapshot import BASE_GATES, RESIDUAL_SCALE
from gateway.learning.text import QUERY_SPACE

WIDTH = 128
GROWTH = 256
"""Rows are allocated in steps of this many, so that a new tool seldom rebuilds the optimiser's memory."""


class RelevanceNetwork(nn.Module):  # type: ignore[misc]  # torch is not followed by the type checker
    """All learned numbers. `rows` has room for more tools than are known."""

    def __init__(self, rng: np.random.Generator, encoder_width: int = 0, width: int = WIDTH) -> None:
        super().__init__()
        self.gates = nn.Parameter(torch.tensor(BASE_GATES, dtype=torch.float32))
        self.features = nn.Parameter(_normal(rng, (QUERY_SPACE, width), width**-0.5))
        self.dense = nn.Parameter(_normal(rng, (encoder_width, width), width**-0.5))
        self.rows = nn.Parameter(torch.zeros(GROWTH, width))
        self.bias = nn.Parameter(torch.zeros(GROWTH))

    def query_vectors(self, features: Tensor, weights: Tensor, offsets: Tensor, vectors: Tensor | None) -> Tensor:
        """Return one RESIDUAL_SCALE-long vector per query (zero for a query without features)."""
        summed = nn.functional.embedding_bag(features, self.features, offsets, mode="sum", per_sample_weights=weights)
        if vectors is not None:
            summed = summed + vectors @ self.dense
        norm = summed.norm(dim=1, keepdim=True)
        return torch.where(norm > 1e-6, summed * (RESIDUAL_SCALE / norm.clamp_min(1e-6)), torch.zeros_like(summed))

    def forward(self, queries: Tensor, lexical: Tensor, dense: Tensor | None) -> Tensor:
        """Return logits (queries, rows) for row-wise z-scores of the same shape."""
        count = lexical.shape[1]
        logits = self.gates[1] * lexical + self.gates[2] + queries @ self.rows[:count].T + self.bias[:count]
        return logits if dense is None else logits + self.gates[0] * dense

    def room(self) -> int:
        """How many rows there is room for."""
        return int(self.rows.shape[0])


def _normal(rng: np.random.Generator, shape: tuple[int, int], scale: float) -> Tensor:
    """Draw from numpy's generator: the one source of randomness, saved and restored with the rest."""
    drawn: NDArray[np.float32] = rng.standard_normal(shape, dtype=np.float32)
    return torch.from_numpy(drawn * np.float32(scale))
