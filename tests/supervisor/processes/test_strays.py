"""What children left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from gateway.supervisor.processes.environment import MARKER
from gateway.supervisor.processes.strays import Undertaker, end_at_once, end_escaped, marked

pytestmark = pytest.mark.process
ROOT = Path(__file__).parents[2]
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
    with sleeper("alive") as child, sleeper("alive") as helper:  # the helper is the younger one
        assert end_escaped(marked(), living={child.pid: "alive"}) == []
        child.kill()
        helper.kill()


def test_what_an_earlier_life_of_a_living_server_left_is_ended() -> None:
    with sleeper("again") as left, sleeper("again") as child, sleeper("again") as helper:
        assert end_escaped(marked(), living={child.pid: "again"}) == [left.pid]
        assert left.wait(timeout=10) == -9
        child.kill()
        helper.kill()


def test_what_is_ended_at_once_goes_with_its_whole_group() -> None:
    nest = f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {SLEEP[2]!r}]); p.wait()"
    child = subprocess.Popen([sys.executable, "-c", nest], stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert child.stdout is not None
    child.stdout.readline()
    below = psutil.Process(child.pid).children()
    end_at_once([child.pid, 2**22 + 1])  # the other one is gone already
    assert child.wait(timeout=10) == -9
    assert psutil.wait_procs(below, timeout=10)[1] == []
    child.stdout.close()


def test_a_zombie_is_reaped_in_the_second_round_that_sees_it() -> None:
    undertaker = Undertaker()
    while undertaker.round() or undertaker._seen:  # what other tests left behind
        continue
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


SWEPT = """
import random, sys
import anyio
from gateway.clock import SystemClock
from gateway.supervisor import supervisor as room
from gateway.supervisor.keeper import run_kept
from tests.supervisor.running import call, row, spec, supervised

async def main():
    async with supervised(spec("a", "crasher.py", "--at", "never", "--setsid")) as (kept, heard):
        print(await call(kept, "a", "grandchild"), flush=True)
        await kept.stop("a")
        await anyio.sleep_forever()

def daemon():
    room.HOUSEKEEPING_S = 0.1
    anyio.run(main)
    return 0

run_kept(daemon)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs subreapers")
def test_a_grandchild_that_escaped_into_its_own_session_is_ended_after_its_server() -> None:
    kept = subprocess.Popen(
        [sys.executable, "-c", SWEPT], env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True
    )
    assert kept.stdout is not None
    lines = (line.strip() for line in kept.stdout)
    escaped = psutil.Process(int(next(line for line in lines if line.isdigit())))
    _, alive = psutil.wait_procs([escaped], timeout=15)
    kept.kill()
    kept.communicate(timeout=10)
    assert alive == []
