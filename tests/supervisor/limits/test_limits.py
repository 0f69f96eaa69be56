"""Real servers that take too much, watched: the offender ends, named; the others answer all their calls."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import msgspec
import pytest

from gateway.errors import ChildGone
from gateway.model import HealthPolicy, ResourceLimits, ServerName, ServerSpec
from gateway.supervisor.limits.limits import Limits
from gateway.supervisor.processes.descendants import marked_with
from gateway.supervisor.processes.environment import MARKER
from gateway.supervisor.processes.procfs import TICK_S, look
from gateway.supervisor.supervisor import Supervisor
from tests.supervisor.running import PATIENCE_S, Heard, call, row, spec, supervised

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

MIB = 2**20
PACE_S = 0.02
MEASURED_S = 4.0
PATIENT = HealthPolicy(interval_sec=3600, stop_timeout_sec=0.5)


def limited(name: str, script: str, **limits: object) -> ServerSpec:
    return msgspec.structs.replace(spec(name, script, health=PATIENT), limits=ResourceLimits(**limits))  # type: ignore[arg-type]


@asynccontextmanager
async def beside_a_bystander(
    offender: ServerSpec, *, limits: Limits | None = None
) -> AsyncIterator[tuple[Supervisor, Heard]]:
    """Another server is called all the while; each of its calls is answered, by one and the same process."""
    async with supervised(offender, spec("good", health=PATIENT), limits=limits) as (supervisor, heard):
        await heard.state(offender.name, "ready")
        await heard.state("good", "ready")
        pid, answered = row(supervisor, "good")["pid"], 0

        async def keep_calling() -> None:
            nonlocal answered
            while True:
                assert await call(supervisor, "good", "echo", text=str(answered)) == str(answered)
                answered += 1
                await anyio.sleep(PACE_S)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(keep_calling)
            yield supervisor, heard
            tasks.cancel_scope.cancel()
        assert answered > 0
        assert row(supervisor, "good")["pid"] == pid


async def offend(supervisor: Supervisor, heard: Heard, name: str, tool: str, **arguments: object) -> str:
    """Call a tool that passes a limit; return what its caller is told, when the server is back."""
    times = len(heard.states(name)["ready"])
    with pytest.raises(ChildGone) as caught:
        await call(supervisor, name, tool, timeout_s=60, **arguments)
    with anyio.fail_after(PATIENCE_S * 2):
        while len(heard.states(name)["ready"]) == times:
            await anyio.sleep(PACE_S)
    return str(caught.value.reason)


async def none_left(supervisor: Supervisor, name: str) -> None:
    """Wait until the one process that is left of a server is the new one."""
    with anyio.fail_after(PATIENCE_S):
        while marked_with(f"{MARKER}={name}".encode()) != {row(supervisor, name)["pid"]}:
            await anyio.sleep(PACE_S)


async def test_a_memory_hog_is_ended_and_named() -> None:
    hog = limited("hog", "greedy.py", memory_max_bytes=64 * MIB)
    async with beside_a_bystander(hog) as (supervisor, heard):
        told = await offend(supervisor, heard, "hog", "eat", count=4096)
        assert told.startswith("oom: its memory reached ")
        assert told.endswith("MemoryMax is 64 MiB")
        assert (heard.exits("hog")[0].cause, heard.exits("hog")[0].signal) == ("oom", "SIGKILL")
        assert await call(supervisor, "hog", "echo", text="again") == "again"


async def test_the_memory_of_all_its_processes_counts() -> None:
    hog = limited("hog", "forker.py", memory_max_bytes=96 * MIB)
    async with beside_a_bystander(hog) as (supervisor, heard):
        told = await offend(supervisor, heard, "hog", "family", count=40, mib=24, stay=True)
        assert told.startswith("oom: ")
        await none_left(supervisor, "hog")


@pytest.mark.parametrize(
    ("setsid", "fuse"),
    [
        (False, 3000),
        # Each session gets the same share of the processor as we do: thousands of them would stop the machine.
        (True, 300),
    ],
)
async def test_a_fork_bomb_is_ended_to_the_last_process(fuse: int, *, setsid: bool) -> None:
    async with beside_a_bystander(limited("bomb", "forker.py", tasks_max=20)) as (supervisor, heard):
        told = await offend(supervisor, heard, "bomb", "bomb", fuse=fuse, setsid=setsid)
        assert told.startswith("tasks: it has ")
        assert told.endswith("TasksMax is 20")
        assert heard.exits("bomb")[0].cause == "tasks"
        await none_left(supervisor, "bomb")


async def test_descriptors_and_file_sizes_are_bounded_by_the_kernel(tmp_path: object) -> None:
    small = limited("small", "greedy.py", nofile=64, fsize_bytes=MIB)
    async with supervised(small) as (supervisor, _):
        said = await call(supervisor, "small", "open_files", count=500)
        assert said.endswith(" then EMFILE")
        assert await call(supervisor, "small", "fill", count=8, path=f"{tmp_path}/large") == f"{MIB} then EFBIG"


async def burnt_share(supervisor: Supervisor, name: str) -> float:
    """Let a server burn what it can; return the share of one processor that it gets."""
    pid = row(supervisor, name)["pid"]

    async def burn() -> None:
        with pytest.raises(ChildGone):
            await call(supervisor, name, "burn", timeout_s=60)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(burn)
        with anyio.fail_after(PATIENCE_S):
            while not row(supervisor, name)["cpu_percent"]:
                await anyio.sleep(PACE_S)
        began, ticks = time.monotonic(), ticks_of(pid)
        await anyio.sleep(MEASURED_S)
        share = (ticks_of(pid) - ticks) * TICK_S / (time.monotonic() - began)
        assert row(supervisor, name)["pid"] == pid
        await supervisor.stop(ServerName(name))  # also one that is held can be stopped
    return share


def ticks_of(pid: int) -> int:
    seen = look(pid)
    assert seen is not None
    return seen.ticks


async def test_a_processor_hog_is_held_to_its_quota_and_lives() -> None:
    async with beside_a_bystander(limited("hog", "greedy.py", cpu_quota=0.2)) as (supervisor, heard):
        assert 0 < await burnt_share(supervisor, "hog") < 0.4
        assert heard.exits("hog")[0].cause == "stopped"


async def test_the_row_says_what_it_takes_and_may_take() -> None:
    async with supervised(limited("a", "forker.py", tasks_max=50, cpu_quota=0.5)) as (supervisor, heard):
        await heard.state("a", "ready")
        at_once = row(supervisor, "a")
        assert at_once["rss_bytes"] > 1_000_000
        assert at_once["memory_peak_bytes"] >= at_once["rss_bytes"]
        assert at_once["open_fds"] > 2
        assert at_once["tasks"] == 1
        assert at_once["limits"]["TasksMax"] == 50
        assert at_once["limits"]["CPUQuota"] == 0.5
        assert at_once["limits"]["MemoryMax"] > 100 * MIB
        assert at_once["limits"]["by"] == "watch"
        await call(supervisor, "a", "family", count=3, mib=1)
        with anyio.fail_after(PATIENCE_S):
            while row(supervisor, "a")["tasks"] != 4:
                await anyio.sleep(PACE_S)
        assert row(supervisor, "a")["rss_bytes"] > at_once["rss_bytes"] + 3 * MIB
        assert row(supervisor, "a")["cpu_percent"] is not None
