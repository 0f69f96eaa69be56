"""Ends what an earlier life of the same gateway left running: gateway and keeper were killed at the same moment.

Only while nobody else can use the state directory (its lock is held) and before anything is started: then every
process with the gateway's mark is a leftover. A process that wiped its environment is not found.
"""

from __future__ import annotations

import contextlib
import os
import signal
from typing import Final

import anyio

from gateway.clock import Clock
from gateway.supervisor.processes.descendants import is_marked_with, marked_with, parents
from gateway.supervisor.processes.environment import HOME_MARKER

SWEEP_S: Final = 5.0
"""Killed processes disappear within milliseconds; one stuck in the kernel must not keep us from starting."""

PAUSE_S: Final = 0.02


async def sweep(home: str, clock: Clock) -> list[int]:
    """Kill every process that is marked with `home`, again and again until none is left; return their pids.

    Neither this process nor one above it counts: a gateway may be started from within a child of its earlier life.
    """
    mark = f"{HOME_MARKER}={home}".encode()
    ended: set[int] = set()
    end = clock.now() + SWEEP_S
    while found := marked_with(mark) - _line_above():
        for pid in found:
            _kill(pid, mark)
        ended |= found
        if clock.now() > end:
            break
        await anyio.sleep(PAUSE_S)
    return sorted(ended)


def _line_above() -> set[int]:
    """This process and all above it."""
    above = parents()
    pid, line = os.getpid(), set[int]()
    while pid and pid not in line:
        line.add(pid)
        pid = above.get(pid, 0)
    return line


def _kill(pid: int, mark: bytes) -> None:
    """Kill it unless its pid has come to mean another process since it was found."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if not hasattr(os, "pidfd_open"):
            os.kill(pid, signal.SIGKILL)
            return
        handle = os.pidfd_open(pid)
        try:
            if is_marked_with(pid, mark):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)
