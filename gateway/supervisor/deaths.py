"""How the lives of one child ended: what is told of an end, the newest ends, and restarts by cause. No I/O."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, replace
from typing import Final

from gateway.supervisor.causes import Cause
from gateway.supervisor.ports import Gone

KEPT_EXITS: Final = 20

PLANNED: Final = frozenset({Cause.STOPPED, Cause.IDLE, Cause.RUNTIME})
"""Ends that say nothing against the server."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Why we end a life, or why it could not go on: known before its process is gone. No cause: the process knows."""

    cause: Cause | None
    reason: str


@dataclass(frozen=True, slots=True)
class LastExit:
    """One end. `at` in seconds since the epoch, `uptime_s` since it became ready (None: it never was)."""

    gone: Gone
    at: float
    uptime_s: float | None = None
    pid: int | None = None


class Deaths:
    """The history of one child's ends, in memory."""

    def __init__(self) -> None:
        self._newest: deque[LastExit] = deque(maxlen=KEPT_EXITS)
        self._restarts: Counter[str] = Counter()

    @property
    def last(self) -> LastExit | None:
        """The newest."""
        return self._newest[0] if self._newest else None

    @property
    def newest(self) -> list[LastExit]:
        """The newest ones, newest first."""
        return list(self._newest)

    @property
    def restarts(self) -> dict[str, int]:
        """How often it was started again, by what had ended it before."""
        return dict(self._restarts)

    def add(self, exit_: LastExit) -> None:
        """It ended."""
        self._newest.appendleft(exit_)

    def restarted(self) -> None:
        """It is started again after its last end; one that only rested was just woken."""
        if self._newest and self._newest[0].gone.cause is not Cause.IDLE:
            self._restarts[self._newest[0].gone.cause.value] += 1


def judged(gone: Gone, ending: Ending | None) -> Gone:
    """Put what ended a life and how its process ended into one: our reason comes first, the exit is its outcome."""
    if ending is None:
        return gone
    cause, reason = ending.cause or gone.cause, ending.reason
    if gone.reason.startswith(reason):
        return replace(gone, cause=cause)
    is_process_end = gone.code is not None or gone.signal is not None
    if is_process_end and gone.reason not in reason:
        reason = f"{reason}; {gone.reason}"
    return replace(gone, reason=reason, cause=cause)
