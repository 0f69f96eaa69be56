"""One server's control group, in a tree of version 2 that lies in a temporary folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.supervisor.limits.ceilings import Ceilings
from gateway.supervisor.limits.group import Group, write
from tests.supervisor.limits.kernel import FakeFolders

KINDS = ("memory", "pids", "cpu")
SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]


def made(folder: Path, allowed: Ceilings, folders: FakeFolders | None = None) -> Group:
    group = Group(dict.fromkeys(KINDS, folder / "one"), version=2, folders=folders or FakeFolders())
    group.make(allowed)
    return group


def texts(folder: Path, *names: str) -> list[str]:
    return [(folder / "one" / name).read_text().strip() for name in names]


def test_its_limits_are_written_as_the_kernel_spells_them(tmp_path: Path) -> None:
    group = made(tmp_path, Ceilings(memory_bytes=64, tasks=20, cpus=0.5))
    names = ("memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cpu.max")
    assert texts(tmp_path, *names) == ["64", "0", "1", "20", "50000 100000"]
    assert group.procs == (str(tmp_path / "one" / "cgroup.procs"),)


def test_no_bound_is_max(tmp_path: Path) -> None:
    made(tmp_path, Ceilings())
    assert texts(tmp_path, "memory.max", "pids.max", "cpu.max") == ["max", "max", "max 100000"]
    assert texts(tmp_path, "memory.swap.max") == ["max"]


def test_an_older_kernel_lacks_some_files(tmp_path: Path) -> None:
    folders = FakeFolders(without=("memory.swap.max", "memory.oom.group"))
    made(tmp_path, Ceilings(memory_bytes=64), folders)
    assert texts(tmp_path, "memory.max") == ["64"]
    assert not (tmp_path / "one" / "memory.oom.group").exists()


def test_a_tiny_quota_is_the_least_that_the_kernel_takes(tmp_path: Path) -> None:
    made(tmp_path, Ceilings(cpus=0.001))
    assert texts(tmp_path, "cpu.max") == ["1000 100000"]


def test_what_the_kernel_did_is_read(tmp_path: Path) -> None:
    group = made(tmp_path, Ceilings())
    assert (group.oom_kills, group.forks_refused, group.members) == (0, 0, set())
    (tmp_path / "one" / "memory.events").write_text("oom 3\noom_kill 2\n")
    (tmp_path / "one" / "pids.events").write_text("max 7\n")
    (tmp_path / "one" / "cgroup.procs").write_text("12\n13\n")
    assert (group.oom_kills, group.forks_refused, group.members) == (2, 7, {12, 13})


def test_its_end_is_asked_of_the_kernel_and_tried_again_until_the_dead_are_buried(tmp_path: Path) -> None:
    folders = FakeFolders()
    group = made(tmp_path, Ceilings(), folders)
    folders.is_busy = True
    assert not group.end()
    assert texts(tmp_path, "cgroup.kill") == ["1"]
    folders.is_busy = False
    assert group.end()
    assert not (tmp_path / "one").exists()
    assert group.end()


@pytest.mark.process
def test_where_the_kernel_cannot_kill_a_group_its_members_are_killed(tmp_path: Path) -> None:
    folders = FakeFolders(without=("cgroup.kill",))
    group = made(tmp_path, Ceilings(), folders)
    with subprocess.Popen(SLEEP, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        (tmp_path / "one" / "cgroup.procs").write_text(f"{child.pid}\n")
        group.end()
        assert child.wait(timeout=10) == -9


def test_a_file_of_the_kernels_is_never_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "memory.max", "1")
    assert not (tmp_path / "memory.max").exists()
