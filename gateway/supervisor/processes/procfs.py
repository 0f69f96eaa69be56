"""Reads /proc raw, all processes in one pass: the cheapest look that there is. Standard library only.

On a system without /proc there is nothing to be read.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterator
from typing import Final, NamedTuple

PROC: Final = "/proc"
STAT_BYTES: Final = 1024
"""A line of numbers; the only text in it, the command's name, has at most 64 bytes."""

TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")
PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


class Seen(NamedTuple):
    """One process as it was when it was looked at. `pid` and `born` name it for ever, `pid` until it is reaped."""

    pid: int
    parent: int
    is_zombie: bool
    born: int  # clock ticks since the machine started
    ticks: int  # of processor time, with that of the children that it waited for
    tasks: int  # threads
    rss_bytes: int
    group: int = 0
    session: int = 0
    is_held: bool = False  # stopped by a signal, and not by a debugger

    @property
    def name(self) -> tuple[int, int]:
        """What no other process will ever be called."""
        return self.pid, self.born


def everybody(but: Container[int] = ()) -> Iterator[Seen]:
    """Yield every process that can be seen, zombies included, and look at none of `but`."""
    try:
        entries = os.listdir(PROC)  # noqa: PTH208 - pathlib costs more than the look itself
    except OSError:
        return
    for entry in entries:
        if entry.isdigit() and (pid := int(entry)) not in but:
            seen = look(pid)
            if seen is not None:
                yield seen


def look(pid: int) -> Seen | None:
    """Return one process, if there is one."""
    try:
        text = _read(f"{PROC}/{pid}/stat", STAT_BYTES)
        # The command's name stands in brackets and may hold anything, brackets too.
        field = text[text.rindex(b")") + 2 :].split()
        return Seen(
            pid,
            int(field[1]),
            field[0] in b"ZX",
            int(field[19]),
            int(field[11]) + int(field[12]) + int(field[13]) + int(field[14]),
            max(1, int(field[17])),
            int(field[21]) * PAGE_BYTES,
            int(field[2]),
            int(field[3]),
            field[0] == b"T",
        )
    except (OSError, ValueError, IndexError):
        return None


def environment(pid: int) -> list[bytes]:
    """Return what it was started with; nothing when it is gone, or not ours to look at."""
    try:
        with open(f"{PROC}/{pid}/environ", "rb") as file:  # noqa: PTH123
            return file.read().split(b"\0")
    except OSError:
        return []


def open_files(pid: int) -> int:
    """Return how many descriptors it holds; 0 when it is gone, or not ours to look at."""
    folder = f"{PROC}/{pid}/fd"
    try:
        return os.stat(folder).st_size or len(os.listdir(folder))  # noqa: PTH116, PTH208 - the size: since Linux 6.2
    except OSError:
        return 0


def own_share_bytes(pid: int) -> int | None:
    """Return its memory with shared pages divided among those who share them (PSS); slower than a look."""
    try:
        with open(f"{PROC}/{pid}/smaps_rollup", "rb") as file:  # noqa: PTH123
            line = next(line for line in file if line.startswith(b"Pss:"))
        return int(line.split()[1]) * 1024
    except (OSError, StopIteration, ValueError):
        return None


def hard_limit(pid: int, name: bytes) -> int | None:
    """Return one of its hard limits, by its name in the kernel's table; None: there is none, or it cannot be told."""
    try:
        text = _read(f"{PROC}/{pid}/limits", 8192)
        hard = text[text.index(name) + len(name) :].split(None, 2)[1]
        return None if hard == b"unlimited" else int(hard)
    except (OSError, ValueError, IndexError):
        return None


def mapped_shared_bytes(pid: int) -> int:
    """Return how much of its resident set is shared memory: memfds and files in memory that it has mapped."""
    try:
        text = _read(f"{PROC}/{pid}/status", 8192)
        return int(text[text.index(b"RssShmem:") + 9 :].split(None, 1)[0]) * 1024
    except (OSError, ValueError, IndexError):
        return 0


def memory_devices(pid: int) -> frozenset[int]:
    """Return the devices of the file systems that it sees and that are kept in memory, as `st_dev` gives them."""
    try:
        with open(f"{PROC}/{pid}/mountinfo", "rb") as file:  # noqa: PTH123
            lines = [line.split() for line in file]
    except OSError:
        return frozenset()
    found = set()
    for line in lines:
        if b"-" in line and line[line.index(b"-") + 1] in (b"tmpfs", b"ramfs", b"hugetlbfs"):
            major, _, minor = line[2].partition(b":")
            found.add(os.makedev(int(major), int(minor)))
    return frozenset(found)


def oom_kills() -> int:
    """Return how many processes the kernel has killed for want of memory since the machine started."""
    try:
        text = _read(f"{PROC}/vmstat", 64 * 1024)
    except OSError:
        return 0
    _, found, rest = text.partition(b"\noom_kill ")
    return int(rest.split(None, 1)[0]) if found else 0


def _read(path: str, size: int) -> bytes:
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.read(fd, size)
    finally:
        os.close(fd)
