"""`[learning]`: the policy's switches and hyper-parameters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class CoordinationTable:
    """`[learning.coordination]`: how a team's vote becomes the agents' rewards."""

    mode: Literal["cooperative", "competitive", "mixed"] = "cooperative"
    blend: float = 0.5
    self_vote_weight: float = 0.25
    winner_bonus: float = 0.25
    gamma: float = 0.9


@dataclass(frozen=True, slots=True)
class LearningSection:
    """Defaults stand in docs/reference/config.md with their meaning."""

    mode: Literal["off", "shadow", "on"] = "on"
    promote: bool = True
    bucket: float = 0.1
    device: str = "cpu"
    encoder: str = ""
    list_ttl_s: float = 30.0
    seed: int = 0
    lr: float = 0.01
    batch: int = 256
    steps: int = 6
    every: int = 32
    buffer: int = 20000
    clip: float = 1.0
    l2: float = 1e-5
    prior_a: float = 9.0
    prior_b: float = 1.0
    decay: float = 0.9
    breaker_errors: int = 3
    cold_n: int = 15
    cold_slot: bool = True
    idle_exit_s: float = 300.0
    keep_queries_days: float = 30.0
    coordination: CoordinationTable = field(default_factory=CoordinationTable)
