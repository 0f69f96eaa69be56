"""`SerialDetector`: does a server work on one call at a time, or on several? Judged by when its answers come.

A server that reads, works, answers and only then reads again differs from one that works on several calls in three
things that can be seen from outside:

* Its answers come in the order of the questions. Any answer (a pong too) that overtakes an older open call is proof
  of the contrary.
* The answer to a call that was sent while an older one was open comes about one service time after the older one's
  answer; the service time of a tool is known from calls that found the server without work. Calls that ran side by
  side come closer together: two such gaps in a row count as proof of the contrary.
* A ping that was sent while a call was open is answered right after that call and not before, however long it took.

`NEEDED` such signs in a row (of the latter two kinds), without one against, are taken for the truth. Only overlaps
that say something count: calls of a few milliseconds, or that hardly overlapped, are ignored. After a call was given
up nothing is learned until a call that was sent later is answered: nobody knows whether the server still works on it.

A server that works on several calls may stand still as a whole now and then (it collects garbage, it is swapped out)
and looks like a serial one meanwhile. So what was seen to overtake needs `PROVEN` signs and more to be doubted, and
deaf pings count little for it. And a belief must be able to end: with one call at a time nothing can overtake. `Trials`
says when two are let through to look.
No I/O; `now` is an argument.
"""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import Final

import msgspec

NEEDED: Final = 5
PROVEN: Final = 20
"""So many of one that was seen to answer out of order: it did work on several."""

MOST_NEEDED: Final = 80
"""Each time the belief was proven wrong, twice as many signs are asked for, up to this."""

SHORT_GAPS: Final = 2
SHORT_TRIALS: Final = 3
"""Against a belief some more: calls that happened to be quick (a cache) come close together, too."""

MIN_SERVICE_S: Final = 0.02
"""Below this, gaps are made by the scheduler, not by the server."""

MIN_OVERLAP: Final = 0.5
LIKE_SERVICE: Final = 0.7
CLEARLY_SHORTER: Final = 0.4
"""Shares of the service time. A gap between the latter two says nothing."""

DEAF_S: Final = 0.5
"""A ping that waited at least this long behind a call, and was then answered at once, found nobody reading."""

AT_ONCE_S: Final = 0.1
DEAF_WEIGHT: Final = 3
"""Of a server that was never seen to work on several calls two such pings are enough. Of any other one each counts for
one: it may have stood still."""

TRIAL_CALLS: Final = 10
TRIAL_MIN_S: Final = 1.0
TRIAL_S: Final = 30.0

SAMPLES: Final = 9
MAX_KINDS: Final = 256
PROBE: Final = ""
"""The kind of a ping; a call's is its tool's name."""


class Flight(msgspec.Struct, eq=False):
    """One question at the server."""

    number: int
    kind: str
    began: float
    deadline: float
    alone: bool


class Trials:
    """When two calls are let through to a server that is believed to be serial, so that a false belief ends by itself.

    After `TRIAL_CALLS` calls that kept others waiting (which took a moment at least), or `TRIAL_S` seconds after the
    first of these.
    """

    def __init__(self) -> None:
        self._calls = 0
        self._since = 0.0

    def is_due(self, now: float, *, is_doubted: bool) -> bool:
        """A call is sent while others wait: whether one of them goes with it. `is_doubted`: look again at once."""
        if not self._calls:
            self._since = now
        self._calls += 1
        needed_s = TRIAL_MIN_S if self._calls >= TRIAL_CALLS else TRIAL_S
        if is_doubted or now - self._since >= needed_s:
            self._calls = 0
            return True
        return False


class SerialDetector:
    """Fed with the begin and the end of everything that is asked of one server."""

    def __init__(self) -> None:
        self._open: dict[int, Flight] = {}
        self._number = 0
        self.forget()

    def forget(self) -> None:
        """It is another server from now on; what is asked of the old one teaches nothing."""
        self.verdict: bool | None = None
        self._service: dict[str, deque[float]] = {}
        self._signs = 0
        self._needed = NEEDED
        self._short = 0
        self._is_several = False  # it was seen to work on several calls
        self._void, self._is_settling = self._number, False
        self._last_number = 0
        self._last_end = float("-inf")

    @property
    def is_doubted(self) -> bool:
        """Whether the latest calls that overlapped spoke against the belief that it is serial."""
        return self.verdict is True and self._short > 0

    @property
    def open(self) -> list[Flight]:
        """What is asked now, oldest first."""
        return list(self._open.values())

    def begin(self, kind: str, now: float, deadline: float = float("inf")) -> Flight:
        """Something is asked."""
        self._number += 1
        flight = Flight(self._number, kind, now, deadline, not self._open)
        self._open[self._number] = flight
        return flight

    def end(self, flight: Flight, now: float) -> bool:
        """It was answered; say whether the verdict changed."""
        before = self.verdict
        if self._open.pop(flight.number, None) is None:
            return False
        if flight.number > self._void:
            if not self._is_settling:
                self._learn(flight, now)
            self._is_settling = False
        self._last_number, self._last_end = flight.number, now
        return self.verdict is not before

    def drop(self, flight: Flight) -> None:
        """It was given up; whether it is still worked on is not known."""
        if self._open.pop(flight.number, None) is not None:
            self._void, self._is_settling = self._number, True
            self._last_end = float("-inf")

    def forget_open(self) -> None:
        """The process is gone, and everything that was asked of it; what is known of the server stays."""
        self._open.clear()
        self._void, self._is_settling = self._number, False
        self._last_end = float("-inf")

    def _learn(self, flight: Flight, now: float) -> None:
        if self._overtook(flight):
            self._refuted(PROVEN)
        elif flight.alone:
            if flight.kind != PROBE:
                self._sample(flight.kind, now - flight.began)
        elif self._last_number < flight.number and flight.began < self._last_end:
            self._followed(flight, self._last_end - flight.began, now - self._last_end)

    def _overtook(self, flight: Flight) -> bool:
        """Whether an older call is still open. Older pings do not count: some servers never answer them."""
        for older in self._open.values():
            if older.number > flight.number:
                return False
            if older.kind != PROBE:
                return True
        return False

    def _followed(self, flight: Flight, overlap: float, gap: float) -> None:
        """It came after the older one, `gap` seconds after; it had waited `overlap` seconds by then."""
        if flight.kind == PROBE:
            if overlap >= DEAF_S and gap <= AT_ONCE_S:
                self._sign(1 if self._is_several else DEAF_WEIGHT)
            return
        if overlap < MIN_OVERLAP * MIN_SERVICE_S:  # the usual case of quick calls, before anything costs time
            return
        samples = self._service.get(flight.kind)
        service = median(samples) if samples else 0.0
        if service < MIN_SERVICE_S or overlap < MIN_OVERLAP * service:
            return
        if gap >= LIKE_SERVICE * service:
            self._sign(1)
        elif gap <= CLEARLY_SHORTER * service:
            self._signs = 0
            self._short += 1
            if self._short >= (SHORT_TRIALS if self.verdict else SHORT_GAPS):
                self._refuted(NEEDED)

    def _refuted(self, needed: int) -> None:
        """It works on several calls; at least so many signs are `needed` to doubt that."""
        if self.verdict:
            self._needed = min(self._needed * 2, MOST_NEEDED)
        self._needed = max(self._needed, needed)
        self.verdict, self._signs, self._short, self._is_several = False, 0, 0, True

    def _sign(self, weight: int) -> None:
        self._short = 0
        self._signs += weight
        if self._signs >= self._needed:
            self.verdict = True

    def _sample(self, kind: str, took: float) -> None:
        samples = self._service.get(kind)
        if samples is None:
            if len(self._service) >= MAX_KINDS:
                return
            samples = self._service[kind] = deque(maxlen=SAMPLES)
        samples.append(took)
