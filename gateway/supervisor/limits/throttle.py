"""Keeps one server within its CPUQuota where the kernel does not: all its processes are held and let go in turns."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterable
from typing import Final

import anyio

from gateway.clock import Clock
from gateway.supervisor.limits.quota import PERIOD_S, Quota
from gateway.supervisor.limits.trees import Name
from gateway.supervisor.processes.procfs import TICK_S, Seen, look

SLICE_S: Final = PERIOD_S
"""A hold is interrupted so often to see whether it must end: a server that is to be stopped has to run."""


class Throttle:
    """Holds a server's processes and lets them go. `tree` returns those that are known now."""

    def __init__(self, cpus: float, tree: Callable[[], Iterable[Seen]], *, clock: Clock) -> None:
        self._quota = Quota(cpus)
        self._tree = tree
        self._clock = clock
        self._held: set[Name] = set()
        self.held_s = 0.0  # altogether, for people who ask

    async def run(self, may_hold: Callable[[], bool]) -> None:
        """Keep it within its quota for as long as it may be held; whatever happens, nothing stays held."""
        ticks, at = self._ticks(), self._clock.now()
        turn = self._quota.next_turn(0.0, 0.0)
        try:
            while True:
                await self._for(turn.for_s, may_hold)
                if not may_hold():
                    return
                now_ticks, now = self._ticks(), self._clock.now()
                if not turn.runs:
                    self.held_s += now - at
                turn = self._quota.next_turn(max(0, now_ticks - ticks) * TICK_S, now - at)
                ticks, at = now_ticks, now
                if turn.runs:
                    self.let_go()
                else:
                    self._hold()
        finally:
            self.let_go()

    def let_go(self) -> None:
        """Let run what is held."""
        held, self._held = self._held, set()
        for name in held:
            self._send(name, signal.SIGCONT)

    def forget(self) -> None:
        """Leave what is held to somebody else, who is about to end it."""
        self._held.clear()

    def _hold(self) -> None:
        self._held = {one.name for one in self._tree()}
        for name in self._held:
            self._send(name, signal.SIGSTOP)

    def _send(self, name: Name, number: signal.Signals) -> None:
        one = look(name[0])
        if one is not None and one.name == name:  # else the number has come to mean another process
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(name[0], number)

    def _ticks(self) -> int:
        """Processor time of all its processes; that of the dead too, once their parents have waited for them."""
        seen = ((one, look(one.pid)) for one in self._tree())
        return sum(now.ticks for one, now in seen if now is not None and now.name == one.name)

    async def _for(self, seconds: float, may_hold: Callable[[], bool]) -> None:
        end = self._clock.now() + seconds
        left_s = seconds
        while left_s > 0 and may_hold():
            await anyio.sleep(min(SLICE_S, left_s))
            left_s = end - self._clock.now()
