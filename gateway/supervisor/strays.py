"""Cleans up behind children that are gone: escaped grandchildren are ended, orphaned zombies are reaped.

Works only where the daemon adopts orphans (under the keeper); elsewhere there is nothing to be found.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable, Mapping

from gateway.supervisor.descendants import adopted, zombies_of
from gateway.supervisor.environment import MARKER


def marked() -> list[tuple[int, str]]:
    """Return our own children whose environment names a server, with that name. Reads all of /proc: not quick."""
    return adopted(os.getpid(), MARKER.encode())


def end_escaped(found: Iterable[tuple[int, str]], living: Mapping[int, str]) -> list[int]:
    """Kill those that no living child of the same server can have started; return their pids.

    `living` must be of now, not of the time when `found` was read: a child may have been started in between.
    """
    servers = set(living.values())
    left = [pid for pid, server in found if pid not in living and server not in servers]
    for pid in left:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    return left


class Undertaker:
    """Reaps zombies that nobody else waits for.

    A zombie seen in two rounds belongs to nobody: whoever started a process here waits for it at once.
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def round(self) -> int:
        """Reap what was there at the last round already; return how many."""
        zombies = zombies_of(os.getpid())
        old = zombies & self._seen
        for pid in old:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        self._seen = zombies - old
        return len(old)
