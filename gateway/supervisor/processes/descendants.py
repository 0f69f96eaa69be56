"""Finds and ends descendants of a process by reading /proc. Standard library only: the keeper uses it too.

On a system without /proc there are no descendants to be found.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway.clock import SystemClock

PROC: Final = Path("/proc")
SWEEP_PAUSE_S: Final = 0.005
"""Between two rounds of killing: killed processes need a moment to disappear."""


def parents() -> dict[int, int]:
    """Return the parent of every process that can be seen, zombies included."""
    return {pid: stat[1] for pid, stat in _stats()}


def zombies_of(parent: int) -> set[int]:
    """Return the dead children of `parent` that nobody has waited for."""
    return {pid for pid, (state, above) in _stats() if above == parent and state == "Z"}


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
    for pid, (state, above) in _stats():
        if above == parent and state != "Z":
            values = [entry for entry in _environment(pid) if entry.startswith(variable + b"=")]
            found += [(pid, entry.partition(b"=")[2].decode(errors="replace")) for entry in values]
    return found


def _reap_all() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _stats() -> Iterator[tuple[int, tuple[str, int]]]:
    for entry in PROC.glob("[0-9]*"):
        try:
            text = (entry / "stat").read_bytes()
        except OSError:
            continue
        # The command's name stands in brackets and may hold anything, brackets too.
        state, parent, *_ = text[text.rindex(b")") + 2 :].split(None, 2)
        yield int(entry.name), (state.decode(), int(parent))


def _environment(pid: int) -> list[bytes]:
    try:
        return (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return []
