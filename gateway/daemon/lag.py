"""How late the event loop is, and whether the daemon may still call itself alive.

A task measures it; a thread, which needs no loop, writes down where everybody stands when the loop
does not come back. Not the watchdog itself: `serve.py` feeds that.
"""

from __future__ import annotations

import faulthandler
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol, TextIO

import anyio
import structlog

from gateway.clock import Clock

EVERY_S: Final = 0.5
LAG_LIMIT_S: Final = 5.0
"""A loop this late serves nobody in time: systemd may restart us. A merely busy machine stays far below."""

TICK_LIMIT_S: Final = 60.0
"""The supervisor's housekeeping comes round every 5 s; this long without it, nobody watches over children."""

STALL_S: Final = 5.0
"""The loop has not come back for so long: show where it stands."""

TOLD_FROM_S: Final = 1.0
TOLD_EVERY_S: Final = 60.0
REMEMBERED_S: Final = 60.0

log = structlog.get_logger("loop")


def is_well(lag_s: float, since_tick_s: float | None) -> bool:
    """Whether a sign of life is honest. `since_tick_s`: of the housekeeping, None while there is none to expect."""
    return lag_s < LAG_LIMIT_S and (since_tick_s is None or since_tick_s < TICK_LIMIT_S)


async def feed(
    say: Callable[[], None], is_well_now: Callable[[], bool], *, interval_s: float, look_s: float = EVERY_S
) -> None:
    """Give a sign of life in each interval, until cancelled; none while all is not well, and one as soon as it is."""
    while True:
        if is_honest := is_well_now():
            say()
        await anyio.sleep(interval_s if is_honest else min(look_s, interval_s))


class Alarm(Protocol):
    """Shows where all threads stand unless it is set again (or put off) in time."""

    def set(self, after_s: float) -> None: ...
    def cancel(self) -> None: ...


class TracebackAlarm:
    """A thread of our own, which works while the loop is blocked, and writes to stderr.

    Not the interpreter's `dump_traceback_later`: that one reads the frames of running threads without any lock, and may
    crash on them. Hence this one is silent while something holds the interpreter itself.
    """

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out
        self._changed = threading.Condition()
        self._round = 0
        self._after_s: float | None = None
        self._thread: threading.Thread | None = None

    def set(self, after_s: float) -> None:
        """Dump all threads' tracebacks after this long."""
        self._tell(after_s)
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="stall-alarm", daemon=True)
            self._thread.start()

    def cancel(self) -> None:
        """Dump nothing."""
        self._tell(None)

    def _tell(self, after_s: float | None) -> None:
        with self._changed:
            self._after_s = after_s
            self._round += 1
            self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while True:
                seen = self._round
                in_time = self._changed.wait_for(lambda: self._round != seen, self._after_s)  # noqa: B023 - of now
                if not in_time:
                    self._after_s = None  # once for each stall
                    dump_all(self._out or sys.__stderr__ or sys.stderr)


def dump_all(out: TextIO) -> None:
    """Write where all threads stand, this one left out."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():  # noqa: SLF001 - the documented way to another thread's frames
        if ident != threading.get_ident():
            stack = "".join(traceback.format_stack(frame))
            out.write(f"stalled: thread {names.get(ident, ident)}\n{stack}\n")
    out.flush()


def show_tracebacks_on_request() -> None:
    """From now on SIGUSR1 (and a crash of the interpreter) writes all threads' tracebacks to stderr."""
    faulthandler.enable(file=sys.__stderr__ or sys.stderr)
    faulthandler.register(signal.SIGUSR1, file=sys.__stderr__ or sys.stderr, all_threads=True)


class LagMeter:
    """Sleeps a little, again and again, and looks how much later than asked for it wakes."""

    def __init__(self, clock: Clock, alarm: Alarm, *, every_s: float = EVERY_S, stall_s: float = STALL_S) -> None:
        self._clock = clock
        self._alarm = alarm
        self._every_s = every_s
        self._stall_s = stall_s
        self._due: float | None = None
        self._last_s = 0.0
        self._seen: deque[tuple[float, float]] = deque()
        self._told_at: float | None = None

    async def run(self) -> None:
        """Measure until cancelled."""
        try:
            while True:
                self._alarm.set(self._every_s + self._stall_s)
                self._due = self._clock.now() + self._every_s
                await anyio.sleep(self._every_s)
                now = self._clock.now()
                self._note(now, max(0.0, now - self._due))
        finally:
            self._alarm.cancel()
            self._due = None

    @property
    def now_s(self) -> float:
        """How late the loop is: as measured last, or as it shows already in the measurement that is under way."""
        overdue = 0.0 if self._due is None else self._clock.now() - self._due
        return max(self._last_s, overdue)

    @property
    def worst_s(self) -> float:
        """The longest delay of the last minute."""
        self._forget(self._clock.now())
        return self._seen[0][1] if self._seen else 0.0

    def _note(self, now: float, lag_s: float) -> None:
        self._last_s = lag_s
        self._forget(now)
        # Only what may still become the worst: the list stays short, and its first one is the worst.
        while self._seen and self._seen[-1][1] <= lag_s:
            self._seen.pop()
        self._seen.append((now, lag_s))
        if lag_s >= TOLD_FROM_S and (self._told_at is None or now - self._told_at >= TOLD_EVERY_S):
            self._told_at = now
            log.warning("event_loop_late", lag_s=round(lag_s, 3))

    def _forget(self, now: float) -> None:
        while self._seen and now - self._seen[0][0] > REMEMBERED_S:
            self._seen.popleft()
