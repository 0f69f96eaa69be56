"""What the probes say of a ready child: healthy, degraded, unhealthy; and what follows from it. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.model import HealthPolicy
from gateway.supervisor.lifecycle import State

SLOW_SHARE: Final = 0.5
"""A probe that took more than this share of its deadline makes the child degraded: slow, but used."""


class Health(StrEnum):
    """The verdict of the probes."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One probe: how long the answer took, or why there was none (`problem`); `is_certain`: nor will there be one."""

    latency_s: float
    problem: str = ""
    is_certain: bool = False


class HealthTracker:
    """Consecutive failures of one child's probes."""

    def __init__(self, policy: HealthPolicy) -> None:
        self._policy = policy
        self._failures = 0
        self._health = Health.HEALTHY
        self.reason = ""

    @property
    def health(self) -> Health:
        """The verdict so far."""
        return self._health

    def record(self, result: ProbeResult) -> Health:
        """Take one probe's result and return the verdict."""
        if result.is_certain:
            self._health, self.reason = Health.UNHEALTHY, result.problem
            return self._health
        if result.problem:
            self._failures += 1
            limit = max(1, self._policy.failures)
            self._health = Health.UNHEALTHY if self._failures >= limit else Health.DEGRADED
            self.reason = f"{result.problem} ({self._failures} of {limit} failed probes)"
            return self._health
        self._failures = 0
        slow = result.latency_s > self._policy.timeout_sec * SLOW_SHARE
        self._health = Health.DEGRADED if slow else Health.HEALTHY
        self.reason = f"slow: a probe took {result.latency_s:.1f} s" if slow else ""
        return self._health


_RANK: Final = {Health.HEALTHY: 0, Health.DEGRADED: 1, Health.UNHEALTHY: 2}

Finding = tuple[Health, str]
"""What one way of looking at a server says of it, and why."""


def worst(findings: Iterable[Finding]) -> Finding:
    """Put findings together: the worst of them counts, and the reasons are told, the worst first."""
    told = sorted(findings, key=lambda finding: -_RANK[finding[0]])
    reasons = [reason for _, reason in told if reason]
    return (told[0][0] if told else Health.HEALTHY), "; ".join(reasons)


def may_call(state: State, health: Health) -> bool:
    """Say whether calls may go to this child now.

    Only a ready child has an upstream. Degraded is slow but used; unhealthy is about to be stopped, and a call
    given to it would be lost with it.
    """
    return state is State.READY and health is not Health.UNHEALTHY


def may_advertise(state: State) -> bool:
    """Say whether this child's tools should be shown, called or not.

    Starting, stopping-to-restart and back-off pass by themselves within the time an agent thinks, so its list
    stays stable. A stopped server was stopped by somebody, a failed one has given up: showing their tools
    would only produce errors.
    """
    return state not in (State.STOPPED, State.FAILED)
