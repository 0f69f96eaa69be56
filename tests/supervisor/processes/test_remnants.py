"""What is left of a server's processes once it is gone."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from gateway.supervisor.processes.procfs import Seen, look
from gateway.supervisor.processes.remnants import end_rest, family
from tests.supervisor.processes.test_tree import FAMILY

pytestmark = pytest.mark.process


async def test_all_that_outlives_the_first_process_is_ended_and_nobody_else() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", FAMILY], stdout=subprocess.PIPE, start_new_session=True, text=True
    ) as root:
        assert root.stdout is not None
        left = [psutil.Process(int(word)) for word in root.stdout.readline().split()]
        tree = family(root.pid)
        assert {one.pid for one in tree} == {root.pid, *(one.pid for one in left)}
        assert tree[0].pid == root.pid
        root.kill()
    us = look(os.getpid())
    assert us is not None
    reborn = Seen(us.pid, us.parent, us.is_zombie, us.born - 1, us.ticks, us.tasks, us.rss_bytes)  # its number only
    await end_rest([*tree, reborn], {})
    _, alive = psutil.wait_procs(left, timeout=10)
    assert [one for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []


def test_one_that_is_gone_has_no_family() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    assert family(process.pid) == []
