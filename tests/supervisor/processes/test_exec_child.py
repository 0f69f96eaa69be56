"""Between fork and exec."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from gateway.supervisor.processes import exec_child

pytestmark = [pytest.mark.process, pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")]


def run(
    program: str,
    *argv: str,
    orders: Sequence[str] = (),
    parent: int | None = None,
    env: dict[str, str] | None = None,
) -> tuple[int, bytes, bytes]:
    """Run it as process.py does; return its exit status, stdout, and what came on the status pipe."""
    status_r, status_w = os.pipe()
    told = [str(status_w), str(parent or os.getpid()), str(len(orders)), *orders, program]
    prologue = [sys.executable, "-I", "-S", exec_child.__file__, *told]
    with subprocess.Popen([*prologue, *argv], pass_fds=(status_w,), env=env, stdout=subprocess.PIPE) as child:
        os.close(status_w)
        out, _ = child.communicate(timeout=20)
    with os.fdopen(status_r, "rb") as status:
        return child.returncode, out, status.read()


def test_it_becomes_the_program_with_its_argv_and_exact_environment() -> None:
    status, out, told = run("/usr/bin/env", "env", env={"A": "1", "LC_ALL": "C"})
    assert (status, told) == (0, b"")
    assert sorted(out.split()) == [b"A=1", b"LC_ALL=C"]


def test_a_program_that_cannot_run_is_told_by_errno() -> None:
    status, _, told = run("/no/such/program", "x")
    assert (status, told) == (127, b"exec 2")


def test_it_leaves_when_its_daemon_is_gone_already() -> None:
    status, out, _ = run("/bin/echo", "echo", "hello", parent=1)
    assert (status, out) == (1, b"")


def test_its_limits_are_set_and_more_than_is_allowed_means_what_is_allowed() -> None:
    told = ["rlimits=RLIMIT_NOFILE=64", "rlimits=RLIMIT_CORE=0", "oom_score=321"]
    code = "ulimit -n; ulimit -c; cat /proc/self/oom_score_adj"
    _, out, _ = run("/bin/sh", "sh", "-c", code, orders=told)
    assert out.split() == [b"64", b"0", b"321"]
    code = "ulimit -Hn"
    _, ours, _ = run("/bin/sh", "sh", "-c", code)
    _, out, told_back = run("/bin/sh", "sh", "-c", code, orders=["rlimits=RLIMIT_NOFILE=999999999"])
    assert (out, told_back) == (ours, b"")


@pytest.mark.parametrize(
    ("order", "told"),
    [
        ("cgroups=/no/such/group/cgroup.procs", b"cgroups 2"),
        ("rlimits=RLIMIT_NOFILE=many", b"rlimits 22"),
        ("rlimits=RLIMIT_UNHEARD_OF=1", b"rlimits 22"),
        ("unheard_of=1", b"unheard_of 22"),
    ],
)
def test_an_order_that_cannot_be_carried_out_keeps_the_program_from_starting(order: str, told: bytes) -> None:
    assert run("/bin/echo", "echo", "started", orders=[order]) == (127, b"", told)


def test_an_order_may_hold_anything(tmp_path: Path) -> None:
    odd = tmp_path / "a=b \n'c'"
    odd.touch()
    status, _, told = run("/bin/true", "true", orders=[f"cgroups={odd}"])
    assert (status, told, odd.read_text()) == (0, b"", "0")


def test_it_imports_next_to_nothing() -> None:
    """Each of these would take longer than all the rest of a start."""
    code = (
        f"import sys; sys.path.append({str(Path(exec_child.__file__).parent)!r}); import os, exec_child\n"
        "os._exit = lambda status: print(*sorted(sys.modules))\n"
        "exec_child.main(['2', str(os.getppid()), '1', 'rlimits=RLIMIT_CORE=0', '/no/such'])"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert {"exec_child", "resource"} <= loaded
    assert not {"signal", "enum", "re", "json", "pathlib", "typing", "ctypes", "collections"} & loaded


def test_the_program_dies_with_the_thread_that_started_it() -> None:
    code = (
        "import os, subprocess, sys, signal\n"
        f"p = subprocess.Popen([sys.executable, '-I', '-S', {exec_child.__file__!r}, '2', str(os.getpid()), '0', "
        "'/bin/sleep', 'sleep', '600'])\n"
        "print(p.pid, flush=True)\n"
        "sys.stdin.read(); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as daemon:
        assert daemon.stdout is not None
        sleeper = psutil.Process(int(daemon.stdout.readline()))
        wait_for_name(sleeper, "sleep")
        daemon.communicate(b"", timeout=20)
    _, alive = psutil.wait_procs([sleeper], timeout=5)
    assert [p for p in alive if p.status() != psutil.STATUS_ZOMBIE] == []
    assert daemon.returncode == -signal.SIGKILL


def wait_for_name(process: psutil.Process, name: str) -> None:
    """Wait until the exec has happened (bounded by the test's own timeout)."""
    while process.name() != name:
        os.sched_yield()
