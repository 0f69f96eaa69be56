"""Which round of its run an agent is in: the n-th session of that agent in that run. No I/O."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from gateway.endpoint.caller import DEFAULT_RUN
from gateway.model import Caller

SILENCE_S = 1800.0  # after this, a run that nobody named counts from the beginning
MAX_RUNS = 10_000


@dataclass(slots=True)
class _Count:
    sessions: int
    seen: float


class Rounds:
    """Counts sessions per principal, agent and run; forgets the ones heard of least recently."""

    def __init__(self) -> None:
        self._counts: OrderedDict[tuple[str, str, str], _Count] = OrderedDict()

    def begin(self, caller: Caller, now: float) -> int:
        """A new session (or, without sessions, a new list) of this caller: return its number, from 1."""
        count = self._count(caller, now)
        count.sessions += 1
        return count.sessions

    def touch(self, caller: Caller, now: float, at_least: int = 0) -> int:
        """Something was heard of the caller, in a session of that number: return the round it is in."""
        count = self._count(caller, now)
        count.sessions = max(count.sessions, at_least)
        return count.sessions

    def _count(self, caller: Caller, now: float) -> _Count:
        key = (caller.principal, caller.agent, caller.run)
        count = self._counts.setdefault(key, _Count(0, now))
        if caller.run.startswith(DEFAULT_RUN) and now - count.seen > SILENCE_S:
            count.sessions = 0
        count.seen = now
        self._counts.move_to_end(key)
        while len(self._counts) > MAX_RUNS:
            self._counts.popitem(last=False)
        return count
