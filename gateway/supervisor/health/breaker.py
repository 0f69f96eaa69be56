"""`Breaker`: holds calls back from what fails again and again, and tries it now and then. No I/O, no clock.

closed: calls go through; a row of failures opens it. open: none goes through until the pause is over. half_open: one
call at a time is let through as a trial. Its success closes the breaker and forgets all; its failure opens it again,
for twice as long. `now` is an argument.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from gateway.model import HealthPolicy

TRIAL_RETRY_S: Final = 1.0
"""What a caller is told while somebody else's call is the trial: its outcome is near, but unknown."""


class BreakerState(StrEnum):
    """What becomes of calls."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """One breaker. A call that was let through carries the `era` it was let through in: old failures open nothing."""

    def __init__(self, policy: HealthPolicy) -> None:
        self.policy = policy
        self.state = BreakerState.CLOSED
        self.reason = ""
        self.era = 0
        self.failures = 0
        self._until = 0.0
        self._pause_s = 0.0
        self._is_tried = False

    def poll(self, now: float) -> bool:
        """Let the pause pass; say whether the state changed."""
        if self.state is BreakerState.OPEN and now >= self._until:
            self._move(BreakerState.HALF_OPEN)
            return True
        return False

    def held_s(self, now: float) -> float | None:
        """Seconds after which a call is worth another try, or None when one may go through now. Call `poll` before."""
        if self.state is BreakerState.OPEN:
            return self._until - now
        return TRIAL_RETRY_S if self.state is BreakerState.HALF_OPEN and self._is_tried else None

    def admit(self) -> int:
        """Let a call through that is not held; return the era."""
        self._is_tried = self.state is BreakerState.HALF_OPEN
        return self.era

    def succeeded(self) -> bool:
        """A call got an answer; say whether the state changed."""
        self.failures = 0
        return self.close()

    def close(self) -> bool:
        """Forget everything; say whether the state changed."""
        self.failures, self._pause_s = 0, 0.0
        if self.state is BreakerState.CLOSED:
            return False
        self._move(BreakerState.CLOSED)
        return True

    def failed(self, now: float, reason: str, era: int, *, may_open: bool = True, count: int = 1) -> bool:
        """A call of that era failed; say whether the state changed. `may_open` False: it is only counted.

        `count`: how many failures that makes, with others that were not told before.
        """
        if era != self.era or self.state is BreakerState.OPEN:
            return False
        self.failures += count
        limit = self.policy.breaker_failures
        is_trial = self.state is BreakerState.HALF_OPEN
        if not limit or not (is_trial or (self.failures >= limit and may_open)):
            return False
        doubled = max(self.policy.breaker_sec, self._pause_s * 2)
        self._pause_s = min(doubled, self.policy.breaker_max_sec)
        self._until = now + self._pause_s
        self._move(BreakerState.OPEN)
        tried = "failed the trial as well" if is_trial else f"failed {self.failures} times in a row"
        self.reason = f"{tried}, the last time: {reason}"
        return True

    def undecided(self, era: int) -> None:
        """A call of that era ended without saying anything; a trial may be made by the next one."""
        if era == self.era:
            self._is_tried = False

    def _move(self, state: BreakerState) -> None:
        self.state = state
        self.era += 1
        self._is_tried = False
        if state is BreakerState.CLOSED:
            self.reason = ""
