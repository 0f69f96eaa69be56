"""The conclusions of a look."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import anyio
import msgspec
import pytest

from gateway.clock import SystemClock
from gateway.model import ResourceLimits, ServerSpec
from gateway.supervisor.causes import Cause
from gateway.supervisor.lifecycle import State
from gateway.supervisor.limits.ceilings import Ceilings
from gateway.supervisor.limits.watch import Watch
from gateway.supervisor.process import LIVING
from gateway.supervisor.processes.procfs import look
from tests.supervisor.adopting import adopting
from tests.supervisor.limits.processes import BUSY, SLEEP, family, running
from tests.supervisor.running import PATIENCE_S, spec

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there is no /proc elsewhere"),
]
MIB = 2**20


@dataclass
class Calls:
    """So many calls are open."""

    count: int = 0


@dataclass
class Scripted:
    """A child that only notes how it was ended."""

    pid: int | None
    spec: ServerSpec = field(default_factory=lambda: spec("s"))
    state: State = State.READY
    traffic: Calls = field(default_factory=Calls)
    ended: list[tuple[Cause, str, bool]] = field(default_factory=list)

    def end(self, cause: Cause, reason: str, *, at_once: bool = False) -> None:
        """Note it."""
        self.ended.append((cause, reason, at_once))


def watch(child: Scripted, **allowed: int) -> Watch:
    return Watch(lambda: [child], lambda _spec, _pid: Ceilings(**allowed), SystemClock())  # type: ignore[arg-type]


async def test_figures_are_of_all_processes_together_and_the_peak_stays() -> None:
    with running(family(2)) as parent:
        child = Scripted(parent.pid)
        watching = watch(child)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watching.run)
            with anyio.fail_after(PATIENCE_S):
                while (figures := watching.figures(parent.pid)) is None:
                    await anyio.sleep(0.01)
            assert (figures.tasks, figures.cpu_percent) == (3, 0.0)
            assert (figures.rss_bytes or 0) > 3 * 32 * MIB
            assert (figures.open_fds or 0) > 6
            most = figures.memory_peak_bytes
            for one in watching._tree(watching._names[parent.pid])[1:]:
                os.kill(one.pid, signal.SIGKILL)
            with anyio.fail_after(PATIENCE_S):
                while (watching.figures(parent.pid) or figures).rss_bytes == figures.rss_bytes:
                    await anyio.sleep(0.01)
            now = watching.figures(parent.pid)
            assert now is not None
            assert now.memory_peak_bytes == most
            tasks.cancel_scope.cancel()
        assert watching.figures(None) is None
        assert watching.figures(1) is None
        assert child.ended == []


async def test_a_breach_ends_the_child_and_kills_the_tree() -> None:
    with running(family(3)) as parent:
        child = Scripted(parent.pid)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch(child, tasks=3).run)
            with anyio.fail_after(PATIENCE_S):
                while not child.ended or parent.poll() is None:
                    await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()
        assert child.ended == [(Cause.TASKS, "tasks: it has 4 processes and threads, TasksMax is 3", True)]


async def test_processes_that_share_their_memory_are_judged_by_what_they_really_take() -> None:
    with running(family(3)) as parent:
        child = Scripted(parent.pid)
        watching = watch(child, memory_bytes=3 * 32 * MIB)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watching.run)
            seen_at: set[float] = set()
            with anyio.fail_after(PATIENCE_S):
                while len(seen_at) < 3:
                    seen_at |= {known.at for known in watching._known.values()}
                    await anyio.sleep(0.01)
            assert watching._known[watching._names[parent.pid]].usage.rss_bytes > 3 * 32 * MIB
            tasks.cancel_scope.cancel()
        assert child.ended == []
        assert parent.poll() is None


async def test_a_held_child_is_let_go_when_it_is_to_stop() -> None:
    with running(BUSY) as parent:
        wanted = msgspec.structs.replace(spec("s"), limits=ResourceLimits(cpu_quota=0.01))
        child = Scripted(parent.pid, wanted)
        watching = Watch(lambda: [child], lambda _spec, _pid: Ceilings(cpus=0.01), SystemClock())
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watching.run)
            with anyio.fail_after(PATIENCE_S):
                while (throttle := throttle_of(watching)) is None or not throttle._held:
                    await anyio.sleep(0.01)
                child.state = State.STOPPING
                while throttle._held:
                    await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()
        parent.terminate()
        assert parent.wait(timeout=10) == -15


def throttle_of(watching: Watch):  # type: ignore[no-untyped-def]
    return next((known.throttle for known in watching._known.values()), None)


async def test_what_outlives_its_server_is_ended_at_the_next_look() -> None:
    with running(family(2, child="os.setsid()")) as parent:
        child = Scripted(parent.pid)
        watching = watch(child)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watching.run)
            with anyio.fail_after(PATIENCE_S):
                while watching.figures(parent.pid) is None:
                    await anyio.sleep(0.01)
            left = [one.pid for one in watching._tree(watching._names[parent.pid])[1:]]
            assert len(left) == 2
            assert parent.pid not in LIVING
            parent.kill()
            parent.wait(timeout=10)
            child.pid = None
            with anyio.fail_after(PATIENCE_S):
                while any((one := look(pid)) is not None and not one.is_zombie for pid in left):
                    await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()
        assert child.ended == []


async def test_a_child_without_a_process_is_not_looked_at() -> None:
    child = Scripted(None)
    watching = watch(child, tasks=1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watching.run)
        with anyio.fail_after(PATIENCE_S):
            while watching.oom_kills is None:
                await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()
    assert (child.ended, watching._known) == ([], {})


async def looks_within(watching: Watch, seconds: float, then: Callable[[], None]) -> tuple[int, int]:
    """How often it looked within so many seconds, and within as many more after `then`."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watching.run)
        with anyio.move_on_after(seconds):
            await anyio.sleep_forever()
        before = watching._census._round
        then()
        with anyio.move_on_after(seconds):
            await anyio.sleep_forever()
        tasks.cancel_scope.cancel()
    return before, watching._census._round - before


async def test_idle_servers_are_looked_at_less_often_until_a_call_begins() -> None:
    with running(SLEEP) as parent:
        child = Scripted(parent.pid)

        def call() -> None:
            child.traffic.count = 1

        at_rest, with_a_call = await looks_within(watch(child), 4.5, call)
        assert at_rest <= 3  # the first, the second a second later, the next one three seconds after that
        assert with_a_call >= 3


@pytest.mark.parametrize(("others", "is_ended"), [(None, False), ({}, True)])
def test_what_nobody_owns_is_ended_only_by_who_knows_everybody(others: dict[int, str] | None, is_ended: bool) -> None:
    """A trial start has a watch of its own, and knows nothing of the npm that another installation runs meanwhile."""
    with adopting(), subprocess.Popen([sys.executable, "-c", SLEEP], start_new_session=True) as stranger:
        watching = Watch(list, lambda _spec, _pid: Ceilings(), SystemClock(), others)
        try:
            looks = [watching._census.take({}, watching._ours) for _ in range(3)]
            assert (stranger.pid in {one.pid for look in looks for one in look.left}) is is_ended
        finally:
            stranger.kill()
