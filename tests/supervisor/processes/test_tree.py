"""Ending a process with all that it started."""

from __future__ import annotations

import signal
import subprocess
import sys

import psutil
import pytest

from gateway.supervisor.processes.tree import kill_tree, signal_members

pytestmark = pytest.mark.process

FAMILY = """
import os, subprocess, sys, time
again = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(600)"]
plain = subprocess.Popen(again, stdout=subprocess.PIPE)
escaped = subprocess.Popen(again, stdout=subprocess.PIPE, start_new_session=True)
for one in (plain, escaped):
    one.stdout.readline()
print(plain.pid, escaped.pid, flush=True)
time.sleep(600)
"""


def test_children_and_those_that_left_the_group_die_with_it() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", FAMILY], stdout=subprocess.PIPE, start_new_session=True, text=True
    ) as root:
        assert root.stdout is not None
        pids = [int(word) for word in root.stdout.readline().split()]
        family = [psutil.Process(pid) for pid in pids]
        assert kill_tree(root.pid) == 3
        assert root.wait(10) == -9
    _, alive = psutil.wait_procs(family, timeout=10)
    assert [one for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []


def test_a_signal_for_the_members_spares_the_leader_and_those_that_left_the_group() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", FAMILY], stdout=subprocess.PIPE, start_new_session=True, text=True
    ) as root:
        assert root.stdout is not None
        plain, escaped = (psutil.Process(int(word)) for word in root.stdout.readline().split())
        signal_members(root.pid, signal.SIGKILL)
        psutil.wait_procs([plain], timeout=10, callback=None)
        assert plain.status() == psutil.STATUS_ZOMBIE  # its parent, the leader, has not asked for it
        assert (escaped.is_running(), root.poll()) == (True, None)
        assert kill_tree(root.pid) >= 2
        assert root.wait(10) == -9


def test_a_process_that_is_gone_already_is_no_error() -> None:
    with subprocess.Popen([sys.executable, "-c", ""], start_new_session=True) as root:
        while psutil.Process(root.pid).status() != psutil.STATUS_ZOMBIE:
            pass
        assert kill_tree(root.pid) == 1


def test_the_group_of_somebody_else_is_left_alone() -> None:
    """A child that does not lead its group shares it with us."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as root:
        assert kill_tree(root.pid) == 1
        assert root.wait(10) == -9
