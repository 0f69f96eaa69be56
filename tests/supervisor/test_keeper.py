"""No orphan survives, whoever is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.process, pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs subreapers")]
ROOT = Path(__file__).parents[2]

MAIN = """
import os, subprocess, sys, time, signal
from gateway.supervisor.keeper import run_kept

SLEEP = "import time; time.sleep(600)"
TWICE = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', %r], start_new_session=True)" % SLEEP

def main():
    if sys.argv[1] == "exit":
        return 7
    if sys.argv[1] == "raise":
        raise RuntimeError("boom")
    if sys.argv[1] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    got = []
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda n, _: got.append(n))
    plain = subprocess.Popen([sys.executable, "-c", SLEEP])
    away = subprocess.Popen([sys.executable, "-c", SLEEP], start_new_session=True)
    subprocess.run([sys.executable, "-c", TWICE], start_new_session=True)
    print(os.getpid(), flush=True)
    while not got:
        time.sleep(0.01)
    print(signal.Signals(got[0]).name, flush=True)
    return 3

sys.exit(run_kept(main))
"""


class Kept:
    """A keeper with its daemon and three descendants, one of them escaped twice."""

    def __init__(self) -> None:
        self.keeper = start("run")
        assert self.keeper.stdout is not None
        self.daemon = psutil.Process(int(self.keeper.stdout.readline()))
        self.others = self.daemon.children(recursive=True)
        assert len(self.others) == 3

    def assert_nothing_is_left(self) -> None:
        _, alive = psutil.wait_procs([self.daemon, *self.others], timeout=2)
        assert [p for p in alive if p.status() != psutil.STATUS_ZOMBIE] == []


def start(how: str) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", MAIN, how], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture
def kept() -> Iterator[Kept]:
    made = Kept()
    yield made
    for process in [made.daemon, *made.others]:
        if process.is_running():
            process.kill()
    made.keeper.kill()
    made.keeper.communicate(timeout=10)


def test_killing_the_daemon_leaves_nothing(kept: Kept) -> None:
    kept.daemon.kill()
    assert kept.keeper.wait(timeout=10) == 128 + signal.SIGKILL
    kept.assert_nothing_is_left()


def test_killing_the_keeper_leaves_nothing(kept: Kept) -> None:
    kept.keeper.kill()
    kept.assert_nothing_is_left()


def test_the_daemon_is_not_the_keeper_and_has_its_own_session(kept: Kept) -> None:
    assert kept.daemon.ppid() == kept.keeper.pid
    assert os.getsid(kept.daemon.pid) == kept.daemon.pid


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_are_passed_on_and_the_exit_status_comes_back(kept: Kept, number: signal.Signals) -> None:
    kept.keeper.send_signal(number)
    assert kept.keeper.stdout is not None
    assert kept.keeper.stdout.readline().strip() == number.name
    assert kept.keeper.wait(timeout=10) == 3
    kept.assert_nothing_is_left()


@pytest.mark.parametrize(("how", "status"), [("exit", 7), ("raise", 1), ("die", 128 + signal.SIGKILL)])
def test_the_exit_status_is_the_daemons(how: str, status: int) -> None:
    process = start(how)
    _, err = process.communicate(timeout=20)
    assert process.returncode == status
    assert ("boom" in err) == (how == "raise")


def test_the_keeper_stays_tiny(kept: Kept) -> None:
    assert psutil.Process(kept.keeper.pid).memory_info().rss < 40 * 1024 * 1024
