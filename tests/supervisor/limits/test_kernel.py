"""The kernel's own limits, on this machine's control groups: what a server takes too much of is its end alone."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from gateway.clock import SystemClock
from gateway.model import ServerSpec
from gateway.supervisor.limits.delegation import Machine, groups_for
from gateway.supervisor.limits.group import write
from gateway.supervisor.limits.limits import Limits
from gateway.supervisor.supervisor import Supervisor
from tests.supervisor.limits.test_limits import MIB, PACE_S, beside_a_bystander, burnt_share, limited, offend
from tests.supervisor.running import PATIENCE_S, Heard, call, row, supervised

TAG = f"test-{os.getpid()}"
OWN = Machine().own()
ARE_OURS = all(os.access(place, os.W_OK) for place in OWN.parted.values()) and {"memory", "pids"} <= set(OWN.parted)

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(120),
    # Where the project is tested for everybody they must run, and say what is missing.
    pytest.mark.skipif(
        not ARE_OURS and os.environ.get("CI") != "true", reason="needs control groups of version 1, and to be root"
    ),
]


def bases() -> list[Path]:
    return [place / f"mcp-gateway-{TAG}" for place in OWN.parted.values()]


@asynccontextmanager
async def with_groups(offender: ServerSpec) -> AsyncIterator[tuple[Supervisor, Heard]]:
    """Everything is limited by the kernel; afterwards no group of ours is left."""
    clock = SystemClock()
    groups = groups_for("cgroup", {}, tag=TAG, clock=clock)
    assert groups is not None
    async with beside_a_bystander(offender, limits=Limits(clock, groups)) as (supervisor, heard):
        assert row(supervisor, offender.name)["limits"]["by"] == "cgroup"
        yield supervisor, heard
    assert [base for base in bases() if base.exists()] == []


async def test_a_memory_hog_is_killed_by_the_kernel_and_named() -> None:
    async with with_groups(limited("hog", "greedy.py", memory_max_bytes=64 * MIB)) as (supervisor, heard):
        told = await offend(supervisor, heard, "hog", "eat", count=4096)
        assert told == "oom: its memory reached MemoryMax, 64 MiB; killed by SIGKILL"
        assert heard.exits("hog")[0].cause == "oom"
        assert await call(supervisor, "hog", "echo", text="again") == "again"


async def test_a_server_that_lost_a_part_of_itself_to_the_kernel_is_ended_too() -> None:
    async with with_groups(limited("hog", "forker.py", memory_max_bytes=96 * MIB)) as (supervisor, heard):
        told = await offend(supervisor, heard, "hog", "family", count=40, mib=24, stay=True)
        assert told.startswith("oom: its memory reached MemoryMax, 96 MiB")
        assert heard.exits("hog")[0].cause == "oom"


async def test_a_fork_too_many_is_refused_and_the_server_lives() -> None:
    async with with_groups(limited("many", "greedy.py", tasks_max=20)) as (supervisor, heard):
        said = await call(supervisor, "many", "fork", count=100)
        born, _, error = said.partition(" then ")
        assert (int(born) < 20, error) == (True, "EAGAIN")
        assert await call(supervisor, "many", "echo", text="alive") == "alive"
        assert heard.exits("many") == []
        with anyio.fail_after(PATIENCE_S):
            while row(supervisor, "many")["tasks"] != int(born) + 1:
                await anyio.sleep(PACE_S)


async def test_the_kernel_keeps_a_processor_hog_to_its_quota() -> None:
    async with with_groups(limited("hog", "greedy.py", cpu_quota=0.2)) as (supervisor, heard):
        assert 0 < await burnt_share(supervisor, "hog") < 0.4
        assert heard.exits("hog")[0].cause == "stopped"


@pytest.fixture
def crowded() -> Iterator[Path]:
    """A group with little memory that the gateway knows nothing of: for whoever is in it, the machine is small."""
    place = OWN.parted["memory"] / f"crowded-{TAG}"
    place.mkdir()
    write(place / "memory.limit_in_bytes", str(64 * MIB))
    yield place
    place.rmdir()


async def test_one_that_the_kernel_kills_for_want_of_memory_is_named_without_control_groups_too(crowded: Path) -> None:
    unlimited = limited("hog", "greedy.py", memory_max_share=None)
    async with beside_a_bystander(unlimited) as (supervisor, heard):
        pid = row(supervisor, "hog")["pid"]
        with anyio.fail_after(PATIENCE_S):
            while supervisor._limits._watch.oom_kills is None:  # type: ignore[union-attr]
                await anyio.sleep(PACE_S)
        write(crowded / "cgroup.procs", str(pid))
        told = await offend(supervisor, heard, "hog", "eat", count=4096)
        assert told == "oom: the machine ran out of memory; killed by SIGKILL"
        assert heard.exits("hog")[0].cause == "oom"


async def test_one_that_somebody_kills_is_not_taken_for_one_without_memory() -> None:
    async with supervised(limited("a", "echo.py")) as (supervisor, heard):
        await heard.state("a", "ready")
        os.kill(row(supervisor, "a")["pid"], signal.SIGKILL)
        await heard.state("a", "ready", times=2)
        assert (heard.exits("a")[0].reason, heard.exits("a")[0].cause) == ("killed by SIGKILL", "signal")
