"""What an earlier life of the same gateway left running."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from gateway.clock import SystemClock
from gateway.supervisor.processes.environment import HOME_MARKER
from gateway.supervisor.processes.leftovers import sweep

pytestmark = [pytest.mark.process, pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")]
SLEEP = "import time; print('up', flush=True); time.sleep(600)"
NEST = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEP!r}], start_new_session=True)"


def started(code: str, home: str) -> subprocess.Popen[str]:
    """A process of this gateway; the first line of its output has come."""
    child = subprocess.Popen(
        [sys.executable, "-c", code], env={HOME_MARKER: home}, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert child.stdout is not None
    child.stdout.readline()
    return child


async def test_everything_with_this_gateways_mark_is_ended_and_nothing_else() -> None:
    ours, theirs = f"ours-{os.getpid()}", f"theirs-{os.getpid()}"
    with started(SLEEP, ours) as left, started(SLEEP, ours) as second, started(SLEEP, theirs) as other:
        assert await sweep(ours, SystemClock()) == sorted([left.pid, second.pid])
        assert (left.wait(timeout=10), second.wait(timeout=10)) == (-9, -9)
        assert other.poll() is None
        other.kill()


async def test_a_grandchild_that_escaped_into_a_session_of_its_own_is_found_by_what_it_inherited() -> None:
    home = f"escaped-{os.getpid()}"
    with started(NEST, home) as parent:
        parent.wait(timeout=10)
        (escaped,) = await sweep(home, SystemClock())
        assert not psutil.pid_exists(escaped) or psutil.Process(escaped).status() == psutil.STATUS_ZOMBIE


async def test_a_second_sweep_finds_nothing() -> None:
    home = f"twice-{os.getpid()}"
    with started(SLEEP, home):
        assert len(await sweep(home, SystemClock())) == 1
        assert await sweep(home, SystemClock()) == []


NESTED = """
import anyio, os, sys
from gateway.clock import SystemClock
from gateway.supervisor.processes.leftovers import sweep
print(anyio.run(sweep, os.environ["MCP_GATEWAY_HOME_ID"], SystemClock()))
"""


async def test_a_gateway_that_was_started_by_a_child_of_its_earlier_life_spares_itself() -> None:
    home = f"nested-{os.getpid()}"
    env = {**os.environ, HOME_MARKER: home}
    done = subprocess.run(
        [sys.executable, "-c", NESTED], env=env, capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.strip() == "[]"
