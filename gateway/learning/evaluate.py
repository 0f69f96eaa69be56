"""Off-policy evaluation about slot one: what would another policy's first tools have earned? No I/O.

Each logged evaluation decision says which tool stood first, how likely that was, and what it earned; the target says
how likely it would have put that tool there. Estimators: IPS, SNIPS, DR, with 95 % intervals and the effective sample
size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Z95 = 1.959963984540054
MIN_ESS = 30.0
"""Below this many effective decisions an interval is a story, not a number; nothing is promoted on it."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A policy's value as one estimator sees it, with a 95 % interval."""

    policy: str
    estimator: str
    value: float
    lo: float
    hi: float
    ess: float
    n: int


@dataclass(frozen=True, slots=True)
class Log:
    """Logged slot-one decisions: reward of the first tool (0 when it was not called) and its propensity, row by row."""

    rewards: Floats
    propensities: Floats

    def __post_init__(self) -> None:
        """Refuse rows that no estimator can weigh. Raises: ValueError."""
        if self.rewards.shape != self.propensities.shape or self.rewards.ndim != 1:
            raise ValueError("rewards and propensities must be of one length")
        if len(self.propensities) and not ((self.propensities > 0) & (self.propensities <= 1)).all():
            raise ValueError("propensities must lie in (0, 1]")


def ips(log: Log, target: Floats, policy: str = "target") -> Estimate:
    """Inverse propensity scoring: unbiased, noisy. `target[i]` = the target's odds of the logged first tool."""
    weights = _weights(log, target)
    return _mean(policy, "ips", weights * log.rewards, weights)


def snips(log: Log, target: Floats, policy: str = "target") -> Estimate:
    """Self-normalised IPS: slightly biased, steadier; its interval is the delta method's."""
    weights = _weights(log, target)
    total = float(weights.sum())
    if total <= 0:
        return Estimate(policy, "snips", 0.0, -np.inf, np.inf, 0.0, len(weights))
    value = float((weights * log.rewards).sum()) / total
    spread = float(np.sqrt(((weights * (log.rewards - value)) ** 2).sum())) / total
    return Estimate(policy, "snips", value, value - Z95 * spread, value + Z95 * spread, _ess(weights), len(weights))


def dr(log: Log, target: Floats, logged_model: Floats, target_model: Floats, policy: str = "target") -> Estimate:
    """Doubly robust: a model's guess, corrected by what was seen.

    `logged_model[i]` = the model's reward of the logged first tool, `target_model[i]` = its expectation under the
    target.
    """
    weights = _weights(log, target)
    return _mean(policy, "dr", target_model + weights * (log.rewards - logged_model), weights)


def paired(log: Log, target: Floats, serving: Floats, policy: str = "target") -> Estimate:
    """Estimate (target - serving) on the same rows: what a promotion would win."""
    difference = (target - serving) / log.propensities
    return _mean(policy, "paired_ips", difference * log.rewards, _weights(log, target))


def promote(difference: Estimate) -> tuple[bool, str]:
    """Decide on a new version: only if the lower 95 % bound of the paired difference is above zero."""
    if difference.ess < MIN_ESS:
        return False, f"only {difference.ess:.0f} effective decisions, {MIN_ESS:.0f} are needed"
    if difference.lo > 0:
        return True, f"better by {difference.value:.3f} ({difference.lo:.3f} to {difference.hi:.3f})"
    return (
        False,
        f"the difference {difference.value:.3f} ({difference.lo:.3f} to {difference.hi:.3f}) is not surely above zero",
    )


def _weights(log: Log, target: Floats) -> Floats:
    return np.asarray(target, np.float64) / log.propensities


def _ess(weights: Floats) -> float:
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0


def _mean(policy: str, estimator: str, values: Floats, weights: Floats) -> Estimate:
    n = len(values)
    if n < 2:
        return Estimate(policy, estimator, float(values.sum()), -np.inf, np.inf, _ess(weights), n)
    value, spread = float(values.mean()), float(values.std(ddof=1)) / float(np.sqrt(n))
    return Estimate(policy, estimator, value, value - Z95 * spread, value + Z95 * spread, _ess(weights), n)
