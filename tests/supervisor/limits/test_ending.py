"""The end of everything that one server has started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.supervisor.limits.census import Census
from gateway.supervisor.limits.ending import Ending
from gateway.supervisor.processes.descendants import descendants
from gateway.supervisor.processes.procfs import PROC, look
from tests.supervisor.limits.processes import SLEEP, family, running, seen

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there is no /proc elsewhere"),
]


def ending(parent: subprocess.Popen[bytes], *, spare: tuple[int, ...] = ()) -> Ending:
    tree = Census().take({parent.pid: "s"}, spare).trees[parent.pid]
    return Ending(seen(parent.pid).name, "s", tree, spare=(parent.pid, *spare), clock=SystemClock())


def state(pid: int) -> str:
    return Path(PROC, str(pid), "stat").read_text().rsplit(")", 1)[1].split()[0]


def is_stopped(pid: int) -> bool:
    """Wait until a process that was told to stop has done so (bounded by the test's own timeout)."""
    while state(pid) != "T":
        os.sched_yield()
    return True


@pytest.mark.parametrize("child", ["pass", "os.setsid()"])
def test_all_of_it_is_stopped_then_killed_and_nobody_else(child: str) -> None:
    with running(family(3, child=child)) as parent, running(SLEEP, "other") as other:
        end = ending(parent)
        below = descendants(parent.pid)
        assert end.freeze() == 4
        assert all(is_stopped(pid) for pid in (parent.pid, *below))
        end.kill_all_but_the_first()
        assert parent.poll() is None
        assert end.kill()
        assert parent.wait(timeout=10) == -signal.SIGKILL
        assert [pid for pid in below if (one := look(pid)) is not None and not one.is_zombie] == []
        assert other.poll() is None


def test_what_was_started_since_the_look_is_found() -> None:
    code = (
        "import os, sys, time\n"
        "print('up', flush=True)\n"
        "sys.stdin.readline()\n"
        "for _ in range(3):\n"
        "    if os.fork() == 0: time.sleep(600)\n"
        "print('forked', flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert parent.stdout is not None
    assert parent.stdin is not None
    parent.stdout.readline()
    end = ending(parent)
    parent.stdin.write(b"\n")
    parent.stdin.flush()
    parent.stdout.readline()
    assert end.freeze() == 4
    assert end.kill()
    parent.communicate(timeout=10)


def test_one_that_was_adopted_is_found_by_its_mark_and_another_life_is_spared() -> None:
    with running(SLEEP) as parent, running(SLEEP) as adopted, running(SLEEP) as next_life:
        end = ending(parent, spare=(adopted.pid, next_life.pid))
        end._spare = (parent.pid, next_life.pid)
        assert end.freeze() == 2
        assert is_stopped(adopted.pid)
        assert state(next_life.pid) in "SR"
        assert end.kill()
        assert next_life.poll() is None


def test_one_that_is_gone_already_needs_no_end() -> None:
    with running(SLEEP) as parent:
        end = ending(parent)
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait(timeout=10)
        assert end.freeze() == 1
        assert end.kill()
        replacement = subprocess.run([sys.executable, "-c", "pass"], check=False)
        assert replacement.returncode == 0
