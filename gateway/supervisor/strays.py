"""Cleans up behind children that are gone: escaped grandchildren are ended, orphaned zombies are reaped.

Works only where the daemon adopts orphans (under the keeper); elsewhere there is nothing to be found.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Collection

from gateway.model import ServerName
from gateway.supervisor.descendants import adopted, zombies_of
from gateway.supervisor.environment import MARKER


def end_escaped(server: ServerName, living: Collection[int]) -> list[int]:
    """Kill processes that a server's dead child left behind outside its process group; return their pids.

    They have become our own children, and their environment still names the server. `living` are the children of
    that server which are meant to live.
    """
    marker = f"{MARKER}={server}".encode()
    left = [pid for pid in adopted(os.getpid(), marker) if pid not in living]
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
