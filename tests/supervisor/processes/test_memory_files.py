"""Memory that is held as open files."""

from __future__ import annotations

import mmap
import os
import sys
import tempfile
from pathlib import Path

import pytest

from gateway.supervisor.processes.memory_files import held_bytes
from gateway.supervisor.processes.procfs import PROC, mapped_shared_bytes, memory_devices

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there is no /proc elsewhere")
MIB = 2**20
SHM = Path("/dev/shm")


def test_a_memfd_counts_once_however_often_it_is_open() -> None:
    before = held_bytes([os.getpid()])
    fd = os.memfd_create("x")
    again = os.dup(fd)
    try:
        os.write(fd, b"x" * MIB)
        assert held_bytes([os.getpid(), os.getpid()]) - before == MIB
    finally:
        os.close(fd)
        os.close(again)
    assert held_bytes([os.getpid()]) == before


def test_what_is_mapped_counts_as_resident_already() -> None:
    fd = os.memfd_create("x")
    try:
        os.write(fd, b"x" * MIB)
        mapped_before, held_before = mapped_shared_bytes(os.getpid()), held_bytes([os.getpid()])
        with mmap.mmap(fd, MIB) as view:
            assert sum(view[::4096]) > 0
            assert mapped_shared_bytes(os.getpid()) - mapped_before == MIB
            assert held_bytes([os.getpid()]) == max(0, held_before - MIB)
    finally:
        os.close(fd)


@pytest.mark.skipif(not SHM.is_dir(), reason="nothing is mounted there")
def test_a_file_in_a_file_system_in_memory_counts_although_it_has_no_name_any_more() -> None:
    before = held_bytes([os.getpid()])
    with tempfile.TemporaryFile(dir=SHM) as file:
        file.write(b"x" * MIB)
        file.flush()
        assert os.fstat(file.fileno()).st_dev in memory_devices(os.getpid())
        assert held_bytes([os.getpid()]) - before == MIB


def test_a_file_on_a_disk_and_a_process_that_is_gone_count_nothing(tmp_path: Path) -> None:
    before = held_bytes([os.getpid()])
    with (tmp_path / "x").open("wb") as file:
        file.write(b"x" * MIB)
        file.flush()
        is_disk = os.fstat(file.fileno()).st_dev not in memory_devices(os.getpid())
        assert held_bytes([os.getpid()]) - before == (0 if is_disk else MIB)
    assert held_bytes([2**22 + 1]) == 0
    assert Path(PROC).is_dir()
