"""Raw looks at /proc."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from gateway.supervisor.processes import procfs
from gateway.supervisor.processes.procfs import Seen, environment, everybody, look, oom_kills, open_files

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there is no /proc elsewhere"),
]


def ours() -> Seen:
    seen = look(os.getpid())
    assert seen is not None
    return seen


def test_a_look_agrees_with_what_psutil_says() -> None:
    seen, known = ours(), psutil.Process()
    assert (seen.pid, seen.parent, seen.tasks) == (known.pid, known.ppid(), known.num_threads())
    assert abs(seen.rss_bytes - known.memory_info().rss) < 16 * 2**20
    assert abs(seen.ticks * procfs.TICK_S - sum(known.cpu_times()[:4])) < 1
    assert not seen.is_zombie
    assert seen.name == (os.getpid(), seen.born)


def test_everybody_is_seen_but_those_that_are_left_out() -> None:
    assert ours().name in {seen.name for seen in everybody()}
    assert ours().name not in {seen.name for seen in everybody(but={os.getpid()})}


def test_a_name_with_brackets_and_blanks_does_not_confuse() -> None:
    code = "import ctypes; ctypes.CDLL(None).prctl(15, b') R 1 (x', 0, 0, 0); print('up', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        seen = look(child.pid)
        child.communicate(b"\n", timeout=20)
    assert seen is not None
    assert seen.parent == os.getpid()


def test_a_zombie_is_a_zombie_and_one_that_is_gone_is_nobody() -> None:
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    dead = look(child.pid)
    child.wait()
    assert dead is not None
    assert dead.is_zombie
    assert look(child.pid) is None
    assert (environment(child.pid), open_files(child.pid), procfs.own_share_bytes(child.pid)) == ([], 0, None)


def test_descriptors_are_counted() -> None:
    before = open_files(os.getpid())
    with Path("/dev/null").open(), Path("/dev/null").open():
        assert open_files(os.getpid()) == before + 2


def test_shared_pages_count_in_parts() -> None:
    share = procfs.own_share_bytes(os.getpid())
    assert share is not None
    assert 0 < share <= ours().rss_bytes + 16 * 2**20


def test_the_kernels_kills_are_counted() -> None:
    text = Path("/proc/vmstat").read_text(encoding="ascii")
    assert oom_kills() == int(text.split("oom_kill ")[1].split()[0])


def test_where_there_is_no_proc_nobody_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(procfs, "PROC", str(tmp_path / "none"))
    assert list(everybody()) == []
    assert (look(1), oom_kills()) == (None, 0)
