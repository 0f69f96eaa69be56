"""When a registry is left alone, and for how long: a breaker with bounded, growing, jittered pauses. No I/O, no clock.

Closed: questions go out. Open: they are refused at once with the last trouble. When the pause is over it is on
probation: one question goes ahead of all others, and its outcome decides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from gateway.clock import rfc3339
from gateway.errors import DiscoveryError, RegistryUnauthorized, RegistryUnavailable, Who

FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 60.0  # one short attempt a minute costs nobody anything, and a mended network is noticed soon
JITTER = 0.25  # up to this part of a pause is taken away, so that many gateways do not come back together
SUSPICIONS = 3  # failed questions in a row that may each be about one question only


@dataclass(frozen=True, slots=True)
class Outage:
    """A registry is away: the trouble, since when (seconds since the epoch), how many probes failed, until when.

    `until` is on the monotonic clock.
    """

    error: DiscoveryError
    since: float
    until: float
    failures: int


class Breaker:
    """One registry's. Monotonic seconds are called `now`, those of the calendar `wall`."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._suspicions = 0
        self.outage: Outage | None = None

    @property
    def is_tripped(self) -> bool:
        """Whether it is open, or on probation."""
        return self.outage is not None

    def refusal(self, now: float) -> DiscoveryError | None:
        """Return what to answer instead of asking; None: ask."""
        if self.outage is None or now >= self.outage.until:
            return None
        error, left_s = self.outage.error, self.outage.until - now
        if isinstance(error, RegistryUnauthorized):
            return RegistryUnauthorized(error.message, fix=error.fix, who=error.who)
        shown_s = math.ceil(left_s)
        return RegistryUnavailable(
            f"{error.message} (since {rfc3339(self.outage.since)}; asked again in {shown_s} s)",
            fix=error.fix or f"Try again in {shown_s} s.",
            retry_after_s=left_s,
            who=error.who,
        )

    def failed(
        self, error: DiscoveryError, *, now: float, wall: float, whole: bool, asked_s: float | None = None
    ) -> None:
        """Note that a question failed; `whole`: the trouble surely concerns every question, not this one only."""
        if self.refusal(now) is not None:
            return  # a straggler, asked before it was opened
        self._suspicions += 1
        if not (whole or self.is_tripped or self._suspicions >= SUSPICIONS):
            return
        failures = self.outage.failures + 1 if self.outage is not None else 1
        pause_s = min(FIRST_PAUSE_S * 2.0 ** min(failures - 1, 16), LONGEST_PAUSE_S)
        pause_s *= 1 - JITTER * self._rng.random()
        self._open(error, max(pause_s, asked_s or 0.0), now, wall, failures)

    def leave_alone(self, error: DiscoveryError, for_s: float, *, now: float, wall: float) -> None:
        """Ask nothing for so long: it asked for that, or refused the key."""
        self._open(error, for_s, now, wall, self.outage.failures if self.outage is not None else 1)

    def answered(self) -> None:
        """Note that it lives."""
        self.outage = None
        self._suspicions = 0

    def _open(self, error: DiscoveryError, pause_s: float, now: float, wall: float, failures: int) -> None:
        since = self.outage.since if self.outage is not None else wall
        self.outage = Outage(error, since, now + pause_s, failures)


def is_worth_remembering(outage: Outage) -> bool:
    """Whether the next process should know it; a refused key is not: the next process may have another one."""
    return not isinstance(outage.error, RegistryUnauthorized)


def restored(kept: object, *, now: float, wall: float, longest_s: float) -> Outage | None:
    """Read what `kept_form` wrote; None when it is over, long past, or was not written by us.

    A calendar that was set back cannot keep a registry closed for more than `longest_s`.
    """
    match kept:
        case {"message": str(message), "fix": str(fix), "who": str(who), "since": int() | float() as since,
              "until": int() | float() as until, "failures": int(failures)} if failures > 0:  # fmt: skip
            left_s = min(float(until) - wall, longest_s)
            if left_s < -longest_s or who not in set(Who):
                return None  # so long ago that it says nothing about now
            error = RegistryUnavailable(message, fix=fix, who=Who(who))
            return Outage(error, float(since), now + left_s, failures)
        case _:
            return None


def kept_form(outage: Outage | None, *, now: float, wall: float) -> dict[str, object]:
    """Return an outage as JSON for the next process; none is kept as one with no failures."""
    if outage is None:
        return {"failures": 0}
    return {
        "message": outage.error.message, "fix": outage.error.fix, "who": str(outage.error.who), "since": outage.since,
        "until": wall + outage.until - now, "failures": outage.failures,
    }  # fmt: skip
