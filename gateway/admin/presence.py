"""Why nothing answers: nobody is there, or a daemon is on its way up or down. Linux tells; elsewhere nobody is there.

Who holds the lock of the state directory is read from the kernel's list: taking the lock to find out would be in the
way of a daemon that starts at the same moment.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from gateway.errors import NotRunning

LOCKS: Final = Path("/proc/locks")
START_FIX: Final = "Start it with: mcp-gateway serve"


class ComingOrGoing(NotRunning):
    """A daemon is there and does not answer: it starts, or it stops. No other process may do its work meanwhile."""


def absence(state: Path | None, said: str, *, announced: int | None) -> NotRunning:
    """Say why nobody answers; `said` when nobody is there, `announced` is the pid that `daemon.json` names."""
    pid = _server_of(state) if state is not None else None
    if pid is None:
        return NotRunning(said, fix=START_FIX)
    if pid == announced:
        return ComingOrGoing(
            f"the gateway with pid {pid} (state directory {state}) is stopping and answers no more",
            fix="Wait until it has ended; `kill` it once more to hurry it.",
        )
    return ComingOrGoing(
        f"the gateway with pid {pid} (state directory {state}) is starting and does not answer yet",
        fix="Try again in a moment; what it waits for stands in its log.",
    )


def holder_of(lock: Path, locks: str) -> int | None:
    """Return the process that holds a lock file, by the text of /proc/locks."""
    try:
        inode = str(lock.stat().st_ino)
    except OSError:
        return None
    for line in locks.splitlines():
        # "3: FLOCK  ADVISORY  WRITE 27883 fe:00:3416221 0 EOF"; who waits for one stands behind an arrow.
        words = line.split()
        if len(words) > 5 and words[1] == "FLOCK" and words[5].rpartition(":")[2] == inode and words[4].isdigit():
            return int(words[4]) or None  # 0: of another namespace
    return None


def _server_of(state: Path) -> int | None:
    try:
        pid = holder_of(state / "lock", LOCKS.read_text("ascii", "replace"))
        words = Path("/proc", str(pid), "cmdline").read_bytes().split(b"\0") if pid else []
    except OSError:
        return None
    # Verbs that work without a daemon hold the lock as well, for a moment.
    return pid if b"serve" in words and pid != os.getpid() else None
