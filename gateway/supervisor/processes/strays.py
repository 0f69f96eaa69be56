"""Cleans up behind children that are gone: escaped grandchildren are ended, orphaned zombies are reaped.

Works only where the daemon adopts orphans (under the keeper); elsewhere there is nothing to be found.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Container, Iterable, Mapping
from math import inf
from typing import Final

import psutil

from gateway.supervisor.processes.descendants import adopted, zombies_of
from gateway.supervisor.processes.environment import MARKER
from gateway.supervisor.processes.procfs import Seen, look

PR_GET_CHILD_SUBREAPER: Final = 37


def adopts_orphans() -> bool:
    """Whether orphaned descendants become our own children (`keeper.become_subreaper`)."""
    if not sys.platform.startswith("linux"):
        return False
    import ctypes  # noqa: PLC0415 - Linux only

    answer = ctypes.c_int(0)
    ctypes.CDLL(None).prctl(PR_GET_CHILD_SUBREAPER, ctypes.byref(answer), 0, 0, 0)
    return bool(answer.value)


def marked() -> list[tuple[int, str]]:
    """Return our own children whose environment names a server, with that name. Reads all of /proc: not quick."""
    return adopted(os.getpid(), MARKER.encode())


def end_escaped(found: Iterable[tuple[int, str]], living: Mapping[int, str]) -> list[int]:
    """Kill those that no living child of the same server can have started; return their pids.

    `living` must be of now, not of the time when `found` was read: a child may have been started in between.
    """
    left = [pid for pid, server in found if pid not in living and _is_of_a_past_life(pid, server, living)]
    for pid in left:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    return left


def end_now(left: Iterable[Seen], living: Container[int]) -> list[int]:
    """Kill these processes, unless a number has come to mean another one since; return their pids."""
    ended = []
    for one in left:
        now = look(one.pid)
        if one.pid not in living and now is not None and now.name == one.name and not now.is_zombie:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(one.pid, signal.SIGKILL)
                ended.append(one.pid)
    return ended


def end_at_once(pids: Iterable[int]) -> None:
    """Kill these processes of ours with all of their groups; whoever started them sees their end."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def _is_of_a_past_life(pid: int, server: str, living: Mapping[int, str]) -> bool:
    """Whether it is older than every living child of its server."""
    children = [child for child, name in living.items() if name == server]
    try:
        return psutil.Process(pid).create_time() < min((psutil.Process(c).create_time() for c in children), default=inf)
    except psutil.Error:
        return False  # one of them has just ended: the next round knows


def _somebody_is_dead() -> bool:
    """Ask the kernel, which knows at once; looking at everybody takes milliseconds, and mostly finds nobody."""
    try:
        return os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except (ChildProcessError, AttributeError):
        return False


class Undertaker:
    """Reaps zombies that nobody else waits for.

    A zombie seen in two rounds belongs to nobody: whoever started a process here waits for it at once.
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def round(self) -> int:
        """Reap what was there at the last round already; return how many."""
        zombies = zombies_of(os.getpid()) if _somebody_is_dead() else set[int]()
        old = zombies & self._seen
        for pid in old:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        self._seen = zombies - old
        return len(old)
