"""Why nothing answers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.admin.client import ApiClient, find_daemon
from gateway.admin.presence import ComingOrGoing, absence, holder_of
from gateway.daemon.state import StateDirectory, StateLock
from gateway.errors import NotRunning
from tests.admin.test_client import write_daemon_file

HOLD = """
import fcntl, os, sys
fd = os.open(sys.argv[2], os.O_RDWR | os.O_CREAT, 0o600)
fcntl.flock(fd, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def holding(state: Path, verb: str) -> Iterator[int]:
    """Another process holds the lock, as `mcp-gateway VERB` would."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, verb, str(state / "lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process.pid


@pytest.mark.process
def test_who_holds_the_lock_is_read_from_the_kernel_s_list(tmp_path: Path) -> None:
    StateDirectory(tmp_path).prepare()
    locks = Path("/proc/locks")
    assert holder_of(tmp_path / "lock", locks.read_text()) is None
    with StateLock(StateDirectory(tmp_path)):
        assert holder_of(tmp_path / "lock", locks.read_text()) == os.getpid()
    assert holder_of(tmp_path / "lock", locks.read_text()) is None


def test_only_a_held_lock_of_that_very_file_counts(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.touch()
    inode = lock.stat().st_ino
    told = [
        f"1: POSIX  ADVISORY  WRITE 5 fe:00:{inode} 0 EOF",
        f"2: -> FLOCK  ADVISORY  WRITE 6 fe:00:{inode} 0 EOF",
        f"3: FLOCK  ADVISORY  WRITE 7 fe:00:{inode}1 0 EOF",
        "4: FLOCK",
        "",
    ]
    assert holder_of(lock, "\n".join(told)) is None
    assert holder_of(lock, "\n".join([*told, f"5: FLOCK  ADVISORY  WRITE 8 fe:00:{inode} 0 EOF"])) == 8
    assert holder_of(lock, f"5: FLOCK  ADVISORY  WRITE 0 fe:00:{inode} 0 EOF") is None


def test_nobody_there_is_told_to_be_started(tmp_path: Path) -> None:
    for state in (tmp_path, None):
        said = absence(state, "nobody", announced=None)
        assert (type(said), said.message, said.exit_status) == (NotRunning, "nobody", 3)
        assert "mcp-gateway serve" in said.fix


@pytest.mark.process
def test_a_gateway_that_starts_is_not_called_absent_and_nobody_is_told_to_start_it(tmp_path: Path) -> None:
    write_daemon_file(tmp_path, 2**22 + 1)  # of an earlier life
    with holding(tmp_path, "serve") as pid, pytest.raises(ComingOrGoing) as caught:
        find_daemon(tmp_path, {})
    assert f"pid {pid}" in caught.value.message
    assert "is starting" in caught.value.message
    assert (caught.value.code, caught.value.exit_status) == ("not_running", 3)
    assert "mcp-gateway serve" not in caught.value.fix


@pytest.mark.process
def test_a_gateway_that_ends_is_said_to_be_stopping(tmp_path: Path) -> None:
    with holding(tmp_path, "serve") as pid:
        write_daemon_file(tmp_path, pid)
        with pytest.raises(ComingOrGoing, match="is stopping") as caught:
            ApiClient(find_daemon(tmp_path, {})).ask("status")
    assert caught.value.exit_status == 3


@pytest.mark.process
def test_a_verb_that_works_by_itself_is_no_gateway(tmp_path: Path) -> None:
    with holding(tmp_path, "install"), pytest.raises(NotRunning, match="no gateway is running") as caught:
        find_daemon(tmp_path, {})
    assert not isinstance(caught.value, ComingOrGoing)
