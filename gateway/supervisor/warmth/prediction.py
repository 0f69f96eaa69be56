"""Which server is called next: what calls of earlier runs say. Learns from calls in the order of their ends. No I/O.

Calls of one caller to the same server, none longer than `WITHIN_S` after the one before, are one visit. A visit to A is
followed by B when the same caller calls B at most `WITHIN_S` after A's last call. B is predicted on a call to A when at
least half of the visits to A were followed by it, over at least three of them; a visit that still goes on and has not
been followed by B says nothing about B yet.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final

WITHIN_S: Final = 60.0
MIN_VISITS: Final = 3
MIN_SHARE: Final = 0.5

# Bounds of its memory: some MB at most, however many callers and servers there are.
MAX_CALLERS: Final = 500
MAX_SERVERS: Final = 500
MAX_FOLLOWERS: Final = 50
MAX_VISITS: Final = 200
"""Counts of one server; then they are halved, so that what was long ago fades."""


@dataclass(slots=True)
class _Visit:
    """One caller is with one server."""

    ended: float  # of its last call so far
    followed: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Counts:
    """How often a server was visited, and which ones followed."""

    visits: int = 0
    followers: dict[str, int] = field(default_factory=dict)

    def halve(self) -> None:
        """Let the past fade; followers that vanish make room for others."""
        self.visits //= 2
        self.followers = {name: count // 2 for name, count in self.followers.items() if count > 1}


class Predictor:
    """Counts who follows whom. Times are seconds of one clock, whichever."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, _Counts] = OrderedDict()
        self._open: OrderedDict[Hashable, dict[str, _Visit]] = OrderedDict()

    def observe(self, server: str, caller: Hashable, *, began: float, ended: float) -> None:
        """Take note of one call."""
        visits = self._visits_of(caller, began)
        for name, visit in visits.items():
            if name != server and server not in visit.followed:
                visit.followed.add(server)
                self._followed(name, server)
        if server in visits:
            visits[server].ended = max(visits[server].ended, ended)
        else:
            visits[server] = _Visit(ended)
            self._visited(server)

    def next_after(self, server: str, now: float) -> list[str]:
        """Who is likely to be called after a call to this server; the likeliest first."""
        counts = self._counts.get(server)
        if counts is None:
            return []
        going_on = [
            visits[server].followed
            for visits in self._open.values()
            if server in visits and now - visits[server].ended <= WITHIN_S
        ]
        shares: dict[str, float] = {}
        for name, count in counts.followers.items():
            decided = counts.visits - sum(1 for followed in going_on if name not in followed)
            if decided >= MIN_VISITS and count >= decided * MIN_SHARE:
                shares[name] = count / decided
        return sorted(shares, key=lambda name: (-shares[name], name))

    def close(self) -> None:
        """Nobody is with anybody any more: what follows is timed by another clock."""
        self._open.clear()

    def _visits_of(self, caller: Hashable, now: float) -> dict[str, _Visit]:
        """The visits of a caller that are not over."""
        visits = self._open.pop(caller, {})
        visits = {name: visit for name, visit in visits.items() if now - visit.ended <= WITHIN_S}
        self._open[caller] = visits
        self._forget_callers(now)
        return visits

    def _forget_callers(self, now: float) -> None:
        """Let go of those who have been silent; the longest silent one comes first."""
        while len(self._open) > 1:
            caller, visits = next(iter(self._open.items()))
            is_over = all(now - visit.ended > WITHIN_S for visit in visits.values())
            if not is_over and len(self._open) <= MAX_CALLERS:
                return
            del self._open[caller]

    def _visited(self, server: str) -> None:
        counts = self._counts.setdefault(server, _Counts())
        self._counts.move_to_end(server)
        if len(self._counts) > MAX_SERVERS:
            self._counts.popitem(last=False)
        counts.visits += 1
        if counts.visits > MAX_VISITS:
            counts.halve()

    def _followed(self, server: str, by: str) -> None:
        counts = self._counts.get(server)
        if counts is not None and (by in counts.followers or len(counts.followers) < MAX_FOLLOWERS):
            counts.followers[by] = counts.followers.get(by, 0) + 1
