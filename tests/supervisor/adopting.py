"""Takes in what servers of a test leave behind, as the daemon does, and ends it: no test leaves a process."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterator

from gateway.supervisor.processes.descendants import adopted
from gateway.supervisor.processes.environment import MARKER

PR_SET_CHILD_SUBREAPER = 36
PAUSE_S = 0.01


@contextlib.contextmanager
def adopting() -> Iterator[None]:
    """Be the parent of orphans in here; at the end those that carry a server's mark are killed and reaped."""
    if not sys.platform.startswith("linux"):
        yield
        return
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        end_left()
        libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def end_left() -> None:
    """Kill marked children of ours, again and again: what they started becomes ours when they die."""
    while left := adopted(os.getpid(), MARKER.encode()):
        for pid, _ in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
        time.sleep(PAUSE_S)
