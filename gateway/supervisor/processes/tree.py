"""Ends a process and all that it started at one blow, for one that must not get a chance to do anything more."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import Final

from gateway.supervisor.processes.descendants import descendants

ROUNDS: Final = 8
"""Stopped processes start no others; each round finds what was started while the last one looked."""


def kill_tree(root: int) -> int:
    """Stop `root` and everything below it, then kill it; return how many processes that were.

    `root` must not be reaped yet: its number would be anybody's. Stopping comes first: a child that is killed one
    by one starts others meanwhile, and those below a dead parent are no longer found.
    """
    stopped: set[int] = set()
    _send(root, signal.SIGSTOP)
    for _ in range(ROUNDS):
        found = set(descendants(root)) - stopped
        if not found:
            break
        for pid in found:
            _send(pid, signal.SIGSTOP)
        stopped |= found
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.getpgid(root) == root:
            os.killpg(root, signal.SIGKILL)
    for pid in (*stopped, root):
        _send(pid, signal.SIGKILL)
    return len(stopped) + 1


def signal_members(leader: int, number: signal.Signals) -> None:
    """Send a signal to everybody in the process group of `leader` but itself, as far as they descend from it."""
    for pid in descendants(leader):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpgid(pid) == leader:
                os.kill(pid, number)


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
