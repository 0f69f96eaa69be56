"""Servers that were started because their use was predicted, and whether that was right. No I/O; `now` is an argument.

A prediction is used when a call comes within `HORIZON_S` and before the server is put to rest again; else it is wasted.
A server with more wasted than used ones among its last `REMEMBERED` is no longer started ahead. Its predictions are
still judged, only without a start: when as many of the last ones would have been used as wasted, it is trusted again.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from gateway.model import ServerName

HORIZON_S: Final = 120.0
REMEMBERED: Final = 10


@dataclass(slots=True)
class Record:
    """What came of one server's predictions."""

    started: int = 0
    wasted: int = 0  # of those that were started
    last: deque[bool] = field(default_factory=lambda: deque(maxlen=REMEMBERED))  # used?

    @property
    def is_trusted(self) -> bool:
        """Whether its next prediction is worth a start."""
        return self.last.count(False) <= self.last.count(True)


@dataclass(frozen=True, slots=True)
class _Expected:
    until: float
    was_started: bool


class Prestarts:
    """The predictions of all servers."""

    def __init__(self) -> None:
        self._records: dict[ServerName, Record] = {}
        self._expected: dict[ServerName, _Expected] = {}

    def record(self, server: ServerName) -> Record:
        """What is known of one server."""
        return self._records.get(server, Record())

    def predicted(self, server: ServerName, now: float) -> bool:
        """A call to a server that rests is expected; says whether to start it."""
        record = self._records.setdefault(server, Record())
        if server in self._expected:
            return False  # judged by the first prediction; a server that rests again by then was judged already
        starts = record.is_trusted
        record.started += starts
        self._expected[server] = _Expected(now + HORIZON_S, starts)
        return starts

    def called(self, server: ServerName, now: float) -> bool:
        """A call came; says whether a server that was started ahead is hereby used."""
        expected = self._expected.get(server)
        if expected is None or now > expected.until:
            return False
        return self._judge(server, is_used=True)

    def rested(self, server: ServerName) -> bool:
        """A server was put to rest again; says whether it was started ahead, for nothing."""
        return server in self._expected and self._judge(server, is_used=False)

    def overdue(self, now: float) -> list[ServerName]:
        """Judge what was not used in time; returns those that were started ahead, for nothing."""
        late = [server for server, expected in self._expected.items() if now > expected.until]
        return [server for server in late if self._judge(server, is_used=False)]

    def next_due(self) -> float | None:
        """When something has to be judged next."""
        return min((expected.until for expected in self._expected.values()), default=None)

    def withdraw(self, server: ServerName) -> None:
        """A person decided about it: nothing is learned from what comes."""
        self._expected.pop(server, None)

    def forget(self, server: ServerName) -> None:
        """It is no longer wanted."""
        self._records.pop(server, None)
        self._expected.pop(server, None)

    def _judge(self, server: ServerName, *, is_used: bool) -> bool:
        """Keep the verdict; says whether a start hung on it."""
        expected, record = self._expected.pop(server), self._records[server]
        record.last.append(is_used)
        record.wasted += expected.was_started and not is_used
        return expected.was_started
