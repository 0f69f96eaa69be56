"""Reading /proc."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from gateway.supervisor.processes.descendants import adopted, descendants, kill_descendants, parents, zombies_of

pytestmark = pytest.mark.process
SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
NEST = [sys.executable, "-c", f"import subprocess; subprocess.run({SLEEP!r})"]


def test_every_process_has_its_parent() -> None:
    assert parents()[os.getpid()] == os.getppid()


def test_children_of_children_are_found() -> None:
    with subprocess.Popen(NEST, stdout=subprocess.PIPE, start_new_session=True) as outer:
        assert outer.stdout is not None
        outer.stdout.readline()
        found = descendants(outer.pid)
        outer.kill()
        for pid in found:
            os.kill(pid, 9)
    assert len(found) == 1


def test_a_zombie_is_known_until_it_is_reaped() -> None:
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert child.pid in zombies_of(os.getpid())
    child.wait()
    assert child.pid not in zombies_of(os.getpid())


def test_a_child_is_found_by_a_variable_of_its_environment() -> None:
    with subprocess.Popen(SLEEP, env={"MARK": "me"}, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        found = adopted(os.getpid(), b"MARK")
        child.kill()
    assert found == [(child.pid, "me")]


def test_killing_all_descendants_leaves_none() -> None:
    # In a process of its own: the sweep ends everything below its caller.
    code = (
        "import os, subprocess, sys\n"
        "from gateway.supervisor.processes.descendants import descendants, kill_descendants\n"
        f"[subprocess.Popen({SLEEP!r}, start_new_session=bool(n), stdout=subprocess.DEVNULL) for n in range(3)]\n"
        "before = len(descendants(os.getpid()))\n"
        "print(before, kill_descendants(os.getpid(), within_s=5), len(descendants(os.getpid())))\n"
        "os._exit(0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout.splitlines()[-1] == "3 True 0"


def test_nothing_below_is_nothing_to_kill() -> None:
    with subprocess.Popen(SLEEP, stdout=subprocess.PIPE) as leaf:
        assert kill_descendants(leaf.pid, within_s=1)
        leaf.kill()
