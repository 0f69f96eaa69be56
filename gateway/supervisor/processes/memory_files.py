"""Counts the memory that a process holds as open files: memfds, and files in a file system that is kept in memory.

What is written to such a file counts in nobody's resident set unless it is mapped. A file that nobody has open, the
contents of sockets and pipes, and System V's segments are not found here. For a worker thread.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from typing import Final

from gateway.supervisor.processes.procfs import PROC, mapped_shared_bytes, memory_devices

BLOCK_BYTES: Final = 512
"""What `st_blocks` counts in, on every file system."""

MOST_FILES: Final = 4096
"""Of one process: so many are looked at, that a server with hundreds of thousands of them does not hold up the look."""

_MEMFD: Final = "/memfd:"


def held_bytes(pids: Iterable[int]) -> int:
    """Return what these processes hold together in such files, beyond what their resident sets count already."""
    files: dict[tuple[int, int], int] = {}
    holders = []
    for pid in pids:
        found = _files(pid)
        if found:
            holders.append(pid)
            files.update(found)
    if not files:
        return 0
    return max(0, sum(files.values()) - sum(mapped_shared_bytes(pid) for pid in holders))


def _files(pid: int) -> dict[tuple[int, int], int]:
    """Return the files in memory that it has open: where each is, and its size in memory."""
    found: dict[tuple[int, int], int] = {}
    devices: frozenset[int] | None = None
    with contextlib.suppress(OSError), os.scandir(f"{PROC}/{pid}/fd") as entries:
        for _, entry in zip(range(MOST_FILES), entries, strict=False):
            with contextlib.suppress(OSError):
                target = os.readlink(entry.path)  # noqa: PTH115 - a string is all that is wanted, thousands of times
                if target[:1] != "/":
                    continue  # a pipe, a socket
                about = os.stat(entry.path)  # noqa: PTH116
                if not stat.S_ISREG(about.st_mode) or not about.st_blocks:
                    continue
                if not target.startswith(_MEMFD):
                    devices = memory_devices(pid) if devices is None else devices
                    if about.st_dev not in devices:
                        continue
                found[about.st_dev, about.st_ino] = about.st_blocks * BLOCK_BYTES
    return found
