"""Between fork and exec."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil
import pytest

from gateway.supervisor.processes import exec_child

pytestmark = [pytest.mark.process, pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")]


def run(
    program: str, *argv: str, parent: int | None = None, env: dict[str, str] | None = None
) -> tuple[int, bytes, bytes]:
    """Run it as process.py does; return its exit status, stdout, and what came on the status pipe."""
    status_r, status_w = os.pipe()
    told = [str(status_w), str(parent or os.getpid()), "{}", program]
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


def test_the_program_dies_with_the_thread_that_started_it() -> None:
    code = (
        "import os, subprocess, sys, signal\n"
        f"p = subprocess.Popen([sys.executable, '-I', '-S', {exec_child.__file__!r}, '2', str(os.getpid()), '{{}}', "
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
