"""`[learning]`: the policy's switches and hyper-parameters. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Literal

from gateway.config.checks import device
from gateway.config.fields import Check, Range


@dataclass(frozen=True, slots=True)
class CoordinationTable:
    """How the vote of a team of agents becomes the reward of each agent's calls."""

    mode: Annotated[
        Literal["cooperative", "competitive", "mixed"], "Reward the team's result, the own share of votes, or a mix"
    ] = "cooperative"
    blend: Annotated[
        float,
        "Weight of the team's vote against the difference that the agent made",
        Range(0, 1),
    ] = 0.5
    self_vote_weight: Annotated[float, "What an agent's vote for itself counts", Range(0, 1)] = 0.25
    winner_bonus: Annotated[float, "Added to the reward of the winner's calls", Range(0, 1)] = 0.25
    gamma: Annotated[float, "Discount per round between a call and the vote", Range(0, 1)] = 0.9


@dataclass(frozen=True, slots=True)
class LearningSection:
    """Which tools are offered is learned from how calls went; these are the switches and hyper-parameters."""

    mode: Annotated[
        Literal["off", "shadow", "on"], "off: static order; shadow: decide and log, show the static order; on"
    ] = "on"
    promote: Annotated[bool, "Let a new version serve by itself once it is proven better"] = True
    bucket: Annotated[float, "Share of decisions that explore, for evaluation", Range(0, 1)] = 0.1
    device: Annotated[str, "Where the learner trains: cpu, cuda, cuda:N or auto", Check(device)] = "cpu"
    encoder: Annotated[str, "Name or folder of a sentence-transformers model; empty: words only"] = ""
    list_ttl_s: Annotated[
        float, "Seconds for which one caller's list stays the same (2026 protocol)", Range(0, 3600)
    ] = 30.0
    seed: Annotated[int, "Seed of exploration and training", Range(0, 2**31 - 1)] = 0
    lr: Annotated[float, "Learning rate", Range(0, 1)] = 0.01
    batch: Annotated[int, "Experiences per training step", Range(1, 65536)] = 256
    steps: Annotated[int, "Training steps per round of training", Range(1, 10_000)] = 6
    every: Annotated[int, "New experiences that start a round of training", Range(1, 100_000)] = 32
    buffer: Annotated[int, "Experiences kept for replay", Range(1, 10_000_000)] = 20000
    clip: Annotated[float, "Largest norm of a gradient", Range(0, 1000)] = 1.0
    l2: Annotated[float, "Weight decay", Range(0, 1)] = 1e-5
    prior_a: Annotated[
        float,
        "Successes that every tool is credited with before its first call",
        Range(0, 1000),
    ] = 9.0
    prior_b: Annotated[
        float,
        "Failures that every tool is charged with before its first call",
        Range(0, 1000),
    ] = 1.0
    decay: Annotated[
        float, "How much of the older evidence about a tool's reliability each call keeps", Range(0, 1)
    ] = 0.9
    breaker_errors: Annotated[
        int,
        "Failures in a row after which a tool is left aside for a while",
        Range(1, 1000),
    ] = 3
    cold_n: Annotated[int, "Calls until a new tool counts as known", Range(0, 10_000)] = 15
    cold_slot: Annotated[bool, "Reserve one place in the list for a tool that is not known yet"] = True
    idle_exit_s: Annotated[
        float,
        "Seconds without work after which the learner process ends",
        Range(1, 86_400),
    ] = 300.0
    keep_queries_days: Annotated[
        float, "Days that texts of queries are kept for training; 0: never stored", Range(0, 3650)
    ] = 30.0
    coordination: CoordinationTable = field(default_factory=CoordinationTable)

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield what is wrong between the keys."""
        if self.batch > self.buffer:
            yield "batch", "must not be above buffer"
        if self.prior_a + self.prior_b <= 0:
            yield "prior_a", "prior_a and prior_b must not both be 0"
