"""A tree of control groups of version 2 in a temporary folder: the kernel's files, and what the kernel does to them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from gateway.supervisor.limits.delegation import Machine

FILES = {
    "cgroup.controllers": "",
    "cgroup.events": "populated 0\nfrozen 0\n",
    "cgroup.kill": "",
    "cgroup.procs": "",
    "cgroup.subtree_control": "",
    "cpu.max": "max 100000\n",
    "memory.current": "0\n",
    "memory.events": "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n",
    "memory.max": "max\n",
    "memory.oom.group": "0\n",
    "memory.swap.max": "max\n",
    "pids.events": "max 0\n",
    "pids.max": "max\n",
}


class FakeFolders:
    """Fills a group that is made with the kernel's files; refuses to remove one that is not empty."""

    def __init__(self, *, without: tuple[str, ...] = ()) -> None:
        self._files = {name: text for name, text in FILES.items() if name not in without}
        self.is_busy = False

    def make(self, folder: Path) -> None:
        """Make a group."""
        folder.mkdir()
        for name, text in self._files.items():
            (folder / name).write_text(text)

    def remove(self, folder: Path) -> None:
        """Remove a group."""
        if self.is_busy or any(entry.is_dir() for entry in folder.iterdir()):
            raise OSError(16, "Device or resource busy")
        shutil.rmtree(folder)


class FakeMachine:
    """A machine whose version 2 tree lies in a temporary folder; we are alone in the group of a unit."""

    def __init__(self, folder: Path, *, controllers: str = "cpu memory pids", others: tuple[int, ...] = ()) -> None:
        self.folders = FakeFolders()
        self.own = folder / "cgroup" / "unit.service"
        self.own.parent.mkdir()
        self.folders.make(self.own)
        (self.own / "cgroup.controllers").write_text(controllers + "\n")
        (self.own / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in (os.getpid(), *others)))
        proc = folder / "proc" / "self"
        proc.mkdir(parents=True)
        (proc / "cgroup").write_text("0::/unit.service\n")
        mount = folder / "cgroup"
        (proc / "mountinfo").write_text(f"31 23 0:28 / {mount} rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n")
        self.machine = Machine(proc=folder / "proc", folders=self.folders)

    def text(self, *path: str) -> str:
        """What stands in one of the kernel's files."""
        return self.own.joinpath(*path).read_text().strip()
