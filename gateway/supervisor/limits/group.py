"""`Group`: one server's control group: its limits, what the kernel did because of them, and its end."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

from gateway.supervisor.limits.ceilings import Ceilings
from gateway.supervisor.limits.hierarchy import counted

PERIOD_US: Final = 100_000
LEAST_QUOTA_US: Final = 1_000
"""The kernel takes no shorter turns."""

KILL_ROUNDS: Final = 100


class Folders(Protocol):
    """Makes and removes groups; the kernel fills and empties their folders by itself."""

    def make(self, folder: Path) -> None:
        """Make a group. Raises: OSError."""
        ...

    def remove(self, folder: Path) -> None:
        """Remove a group that has no processes and no groups in it. Raises: OSError."""
        ...


class KernelFolders:
    """The real ones."""

    def make(self, folder: Path) -> None:
        """Make a group."""
        folder.mkdir()

    def remove(self, folder: Path) -> None:
        """Remove a group."""
        folder.rmdir()


class Group:
    """`places`: the group's folder for each controller; in version 2 all of them are the same one."""

    def __init__(self, places: Mapping[str, Path], *, version: int, folders: Folders) -> None:
        self.places = dict(places)
        self._version = version
        self._folders = folders

    @property
    def procs(self) -> tuple[str, ...]:
        """The files by which a process enters."""
        return tuple(str(folder / "cgroup.procs") for folder in self._each())

    def make(self, allowed: Ceilings) -> None:
        """Make it, with these limits. Raises: OSError."""
        for folder in self._each():
            self._folders.make(folder)
        if self._version == 2:
            self._limit_unified(next(iter(self.places.values())), allowed)
        else:
            self._limit_parted(allowed)

    @property
    def oom_kills(self) -> int:
        """How many of its processes the kernel has killed because its memory was full."""
        file = "memory.events" if self._version == 2 else "memory.oom_control"
        return counted(self._read("memory", file), "oom_kill")

    @property
    def forks_refused(self) -> int:
        """How often the kernel let it have no further process or thread."""
        return counted(self._read("pids", "pids.events"), "max")

    @property
    def members(self) -> set[int]:
        """The processes in it."""
        lines = [line for folder in self._each() for line in _lines(folder / "cgroup.procs")]
        return {int(line) for line in lines if line.isdigit()}

    def end(self) -> bool:
        """Kill what is in it, and remove it; return whether it is gone. Another try may be needed."""
        self._kill()
        for folder in self._each():
            try:
                self._folders.remove(folder)
            except FileNotFoundError:
                continue
            except OSError:  # the dead are not all buried yet
                return False
        return True

    def _kill(self) -> None:
        with contextlib.suppress(OSError):
            if self._version == 2:
                write(self.places["memory"] / "cgroup.kill", "1")
                return
        with contextlib.suppress(OSError, KeyError):
            write(self.places["pids"] / "pids.max", "0")  # so that what dies cannot be replaced
        for _ in range(KILL_ROUNDS):
            if not (left := self.members):
                return
            for pid in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)

    def _limit_unified(self, folder: Path, allowed: Ceilings) -> None:
        write(folder / "memory.max", _or_max(allowed.memory_bytes))
        write(folder / "pids.max", _or_max(allowed.tasks))
        for name, value in (("memory.swap.max", "0"), ("memory.oom.group", "1")):
            if allowed.memory_bytes is not None and (folder / name).exists():  # older kernels lack them
                write(folder / name, value)
        if "cpu" in self.places:
            quota = "max" if allowed.cpus is None else str(_quota_us(allowed.cpus))
            write(folder / "cpu.max", f"{quota} {PERIOD_US}")

    def _limit_parted(self, allowed: Ceilings) -> None:
        if (folder := self.places.get("memory")) is not None and allowed.memory_bytes is not None:
            write(folder / "memory.limit_in_bytes", str(allowed.memory_bytes))
            with contextlib.suppress(OSError):  # memory and swap together: not there when swap is not counted
                write(folder / "memory.memsw.limit_in_bytes", str(allowed.memory_bytes))
        if (folder := self.places.get("pids")) is not None:
            write(folder / "pids.max", _or_max(allowed.tasks))
        if (folder := self.places.get("cpu")) is not None and allowed.cpus is not None:
            write(folder / "cpu.cfs_period_us", str(PERIOD_US))
            write(folder / "cpu.cfs_quota_us", str(_quota_us(allowed.cpus)))

    def _each(self) -> list[Path]:
        return list(dict.fromkeys(self.places.values()))

    def _read(self, controller: str, file: str) -> str:
        folder = self.places.get(controller)
        return "" if folder is None else "\n".join(_lines(folder / file))


def write(file: Path, text: str) -> None:
    """Write to a file that must be there already. Raises: OSError."""
    fd = os.open(file, os.O_WRONLY | os.O_TRUNC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="ascii").splitlines()
    except OSError:
        return []


def _or_max(value: int | None) -> str:
    return "max" if value is None else str(value)


def _quota_us(cpus: float) -> int:
    return max(LEAST_QUOTA_US, int(cpus * PERIOD_US))
