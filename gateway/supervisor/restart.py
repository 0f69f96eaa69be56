"""Whether and when a dead child comes back: back-off, start limit, half-open retries. No I/O; `now` is an argument."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass
from typing import Final

from gateway.model import RestartPolicy

BACKOFF_FACTOR: Final = 2.0
JITTER: Final = 0.25
"""Up to a quarter on top of the delay, so that servers that died together do not come back together."""


@dataclass(frozen=True, slots=True)
class RestartAfter:
    """Start it again after this delay."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """It is failed; try again by itself after `retry_s`, or never (None)."""

    reason: str
    retry_s: float | None


@dataclass(frozen=True, slots=True)
class LeaveStopped:
    """It ended as it should, and its policy does not want it back."""

    reason: str


Verdict = RestartAfter | GiveUp | LeaveStopped


class RestartTracker:
    """The history of one child's starts."""

    def __init__(self, policy: RestartPolicy, rng: random.Random) -> None:
        self._policy = policy
        self._rng = rng
        self.forget()

    def forget(self) -> None:
        """Start over: somebody asked for it by hand, or it has been well for long."""
        self._starts: deque[float] = deque()
        self._delays = 0
        self._ready_at: float | None = None
        self._half_open = False

    def adopt(self, policy: RestartPolicy) -> None:
        """Use another policy from now on."""
        self._policy = policy

    def started(self, now: float) -> None:
        """It is being started."""
        self._starts.append(now)
        self._ready_at = None

    def ready(self, now: float) -> None:
        """Its handshake is done."""
        self._ready_at = now
        self._half_open = False

    def planned_exit(self, now: float) -> None:
        """It ended because it was to run no longer: that is no failure, and this start does not count."""
        if self._is_long_ready(now):
            self.forget()
        elif self._starts:
            self._starts.pop()

    def exited(self, now: float, *, clean: bool, hopeless: str = "") -> Verdict:
        """It ended. `clean`: by itself with status 0. `hopeless`: why another try cannot help."""
        policy = self._policy
        if self._is_long_ready(now):
            self.forget()
        if policy.restart == "no" or (policy.restart == "on-failure" and clean):
            why = f"restart = {policy.restart}"
            return LeaveStopped(why) if clean else GiveUp(why, None)
        if hopeless:
            return self._give_up(hopeless)
        if self._half_open:
            return self._give_up("the retry failed as well")
        return self._back_off(now)

    def at_least(self, delay_s: float, asked_s: float | None) -> float:
        """Lengthen a delay to what the other side asked for, within the longest that the policy knows."""
        return max(delay_s, min(asked_s or 0.0, self._policy.restart_max_delay_sec))

    def _is_long_ready(self, now: float) -> bool:
        return self._ready_at is not None and now - self._ready_at >= self._policy.reset_after_sec

    def _back_off(self, now: float) -> Verdict:
        policy = self._policy
        while self._starts and now - self._starts[0] > policy.start_limit_interval_sec:
            self._starts.popleft()
        if len(self._starts) >= policy.start_limit_burst:
            return self._give_up(f"it ended {len(self._starts)} times within {policy.start_limit_interval_sec:g} s")
        exponent = min(self._delays, 64)
        self._delays += 1
        delay = min(policy.restart_sec * BACKOFF_FACTOR**exponent, policy.restart_max_delay_sec)
        return RestartAfter(delay * (1 + JITTER * self._rng.random()))

    def _give_up(self, reason: str) -> GiveUp:
        self._half_open = True
        self._starts.clear()
        self._delays = 0
        return GiveUp(reason, self._policy.retry_failed_sec)
