"""What children left behind."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from gateway.supervisor.environment import MARKER
from gateway.supervisor.strays import Undertaker, end_escaped, marked

pytestmark = pytest.mark.process
SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]


def sleeper(server: str) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(SLEEP, env={MARKER: server}, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    return child


def test_a_process_of_a_dead_server_is_ended() -> None:
    with sleeper("dead") as child:
        assert (child.pid, "dead") in marked()
        assert end_escaped(marked(), living={}) == [child.pid]
        assert child.wait(timeout=10) == -9


def test_a_living_child_and_what_it_may_have_started_are_spared() -> None:
    with sleeper("alive") as child, sleeper("alive") as helper:
        assert end_escaped(marked(), living={child.pid: "alive"}) == []
        child.kill()
        helper.kill()


def test_a_zombie_is_reaped_in_the_second_round_that_sees_it() -> None:
    undertaker = Undertaker()
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert undertaker.round() == 0
    assert undertaker.round() == 1
    with pytest.raises(ChildProcessError):
        os.waitpid(child.pid, 0)
    child.wait()


def test_a_zombie_that_somebody_reaps_is_theirs() -> None:
    undertaker = Undertaker()
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    undertaker.round()
    child.wait()
    assert undertaker.round() == 0
