"""Whether a process is held still by a signal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.clock import SystemClock
from gateway.supervisor.health.stillness import LOOKS, Stillness
from gateway.supervisor.processes.procfs import look

pytestmark = pytest.mark.process

SLEEPER = "import time; print(flush=True); time.sleep(600)"
WRAPPER = f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {SLEEPER!r}]); print(p.pid); p.wait()"
"""Its own line comes once the inner one has printed its; both go to the same pipe."""


@contextmanager
def running(program: str) -> Iterator[tuple[int, int]]:
    """A process and the one behind it (itself, where there is none)."""
    with subprocess.Popen(
        [sys.executable, "-u", "-c", program], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _ in range(2 if program == WRAPPER else 1)]
        try:
            yield process.pid, next((int(line) for line in lines if line), process.pid)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def hold(pid: int) -> None:
    """Stop it, and wait until the kernel shows that."""
    os.kill(pid, signal.SIGSTOP)
    until = SystemClock().now() + 10
    while not ((seen := look(pid)) is not None and seen.is_held):
        assert SystemClock().now() < until
        threading.Event().wait(0.005)


@pytest.mark.parametrize("program", [SLEEPER, WRAPPER], ids=["itself", "behind a wrapper"])
def test_one_that_is_held_at_all_looks_is_still(program: str) -> None:
    with running(program) as (first, inner):
        hold(inner)
        stillness = Stillness(first)
        assert [stillness.look() for _ in range(LOOKS)] == [False] * (LOOKS - 1) + [True]


def test_one_that_sleeps_or_was_let_go_meanwhile_is_not() -> None:
    with running(SLEEPER) as (pid, _):
        stillness = Stillness(pid)
        assert not any(stillness.look() for _ in range(2 * LOOKS))
        hold(pid)
        for _ in range(LOOKS - 1):
            assert not stillness.look()
        os.kill(pid, signal.SIGCONT)
        until = SystemClock().now() + 10
        while (seen := look(pid)) is not None and seen.is_held and SystemClock().now() < until:
            threading.Event().wait(0.005)
        assert not any(stillness.look() for _ in range(2 * LOOKS))


def test_one_that_is_gone_is_not() -> None:
    with running(SLEEPER) as (pid, _):
        stillness = Stillness(pid)
    assert not any(stillness.look() for _ in range(2 * LOOKS))
