"""Finds and ends descendants of a process by reading /proc. Standard library only: the keeper uses it too.

On a system without /proc there are no descendants to be found.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from typing import Final

from gateway.clock import SystemClock
from gateway.supervisor.processes.procfs import environment, everybody

SWEEP_PAUSE_S: Final = 0.005
"""Between two rounds of killing: killed processes need a moment to disappear."""


def parents() -> dict[int, int]:
    """Return the parent of every process that can be seen, zombies included."""
    return {seen.pid: seen.parent for seen in everybody()}


def zombies_of(parent: int) -> set[int]:
    """Return the dead children of `parent` that nobody has waited for."""
    return {seen.pid for seen in everybody() if seen.parent == parent and seen.is_zombie}


def descendants(root: int) -> list[int]:
    """Return all processes below `root`, zombies included."""
    above = parents()
    below: dict[int, list[int]] = {}
    for pid, parent in above.items():
        below.setdefault(parent, []).append(pid)
    found: list[int] = []
    waiting = [root]
    while waiting:
        kids = below.get(waiting.pop(), [])
        found += kids
        waiting += kids
    return found


def kill_descendants(root: int, *, within_s: float) -> bool:
    """Kill everything below `root` (our own process), again and again until nothing is left; reap what dies.

    Returns whether nothing is left. The whole sweep is bounded by `within_s`.
    """
    clock = SystemClock()  # the keeper is handed none: it outlives the daemon, which has one
    end = clock.now() + within_s
    pause = threading.Event()
    while left := descendants(root):
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        _reap_all()
        if clock.now() > end:
            return False
        pause.wait(SWEEP_PAUSE_S)
    return True


def adopted(parent: int, variable: bytes) -> list[tuple[int, str]]:
    """Return the living children of `parent` whose environment has `variable`, each with its value."""
    found: list[tuple[int, str]] = []
    for seen in everybody():
        if seen.parent == parent and not seen.is_zombie:
            found += [(seen.pid, value) for value in values_of(seen.pid, variable)]
    return found


def marked_with(mark: bytes) -> set[int]:
    """Return every living process whose environment has this entry (NAME=value)."""
    return {seen.pid for seen in everybody() if not seen.is_zombie and is_marked_with(seen.pid, mark)}


def is_marked_with(pid: int, mark: bytes) -> bool:
    """Whether a process was started with this entry in its environment."""
    return mark in environment(pid)


def values_of(pid: int, variable: bytes) -> list[str]:
    """Return the values of one variable in the environment that a process was started with: one, or none."""
    entries = (entry.partition(b"=") for entry in environment(pid))
    return [value.decode(errors="replace") for name, _, value in entries if name == variable]


def _reap_all() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
