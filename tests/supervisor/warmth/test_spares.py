"""Children that are kept ready for the next caller."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import msgspec
import psutil
import pytest

from gateway.model import ServerName, ServerSpec, SessionScope, StartPolicy
from gateway.supervisor.supervisor import Supervisor
from gateway.supervisor.warmth import spares
from tests.supervisor.running import PATIENCE_S, call, row, spec, supervised

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]

A = ServerName("a")


def warm(count: int, *arguments: str, lazy: bool = False, **more: Any) -> ServerSpec:
    start = StartPolicy(keep_warm=count, lazy=lazy)
    wanted = spec("a", "crasher.py", *arguments, session=SessionScope.PER_SESSION, **more)
    return msgspec.structs.replace(wanted, start=start)


async def until(question: Callable[[], bool]) -> None:
    """Wait for something that nobody tells: what spares do is not published."""
    with anyio.fail_after(PATIENCE_S):
        while not question():
            await anyio.sleep(0.01)


def count(supervisor: Supervisor) -> int:
    return int(row(supervisor, "a")["spares"])


async def test_a_new_caller_gets_a_spare_at_once_and_another_takes_its_place() -> None:
    async with supervised(warm(2)) as (supervisor, heard):
        await until(lambda: count(supervisor) == 2)
        assert row(supervisor, "a")["instances"] == 0
        ready = {child.pid for child in supervisor._all() if child.state == "ready"}
        pid = int(await call(supervisor, "a", "pid", instance="mine"))
        assert pid in ready
        assert int(await call(supervisor, "a", "pid", instance="mine")) == pid
        assert int(await call(supervisor, "a", "pid", instance="other")) != pid
        assert row(supervisor, "a")["instances"] == 2
        await until(lambda: count(supervisor) == 2)
        await heard.state("a", "ready")
        assert len(heard.lists("a")) == 1  # nobody else hears of spares


async def test_what_was_one_callers_is_never_anothers() -> None:
    async with supervised(warm(1)) as (supervisor, _):
        seen: set[str] = set()
        for number in range(6):
            seen.add(await call(supervisor, "a", "pid", instance=f"i{number}"))
            await supervisor.release(f"i{number}")
        assert len(seen) == 6
        await until(lambda: count(supervisor) == 1)


async def test_spares_end_with_their_server_and_with_a_stop_and_come_back_with_a_start() -> None:
    async with supervised(warm(2)) as (supervisor, _):
        await until(lambda: count(supervisor) == 2)
        before = psutil.Process().children()
        await supervisor.stop(A)
        await anyio.to_thread.run_sync(lambda: psutil.wait_procs(before, timeout=10))
        assert count(supervisor) == 0
        assert not any(process.is_running() for process in before)
        await supervisor.start(A)
        await until(lambda: count(supervisor) == 2)
        before = psutil.Process().children()
        await supervisor.apply([])
        await anyio.to_thread.run_sync(lambda: psutil.wait_procs(before, timeout=10))
        assert not any(process.is_running() for process in before)


async def test_a_replaced_server_gets_new_spares() -> None:
    async with supervised(warm(1)) as (supervisor, _):
        await until(lambda: count(supervisor) == 1)
        await supervisor.apply([warm(1, "--at", "never")])
        await until(lambda: count(supervisor) == 1)
        pid = int(await call(supervisor, "a", "pid", instance="x"))
        assert "--at" in psutil.Process(pid).cmdline()


async def test_a_release_that_takes_over_brings_its_own_spares() -> None:
    async with supervised(warm(1)) as (supervisor, heard):
        await heard.state("a", "ready")
        await until(lambda: count(supervisor) == 1)
        await supervisor.hand_over(warm(1, "--at", "never"), ready_s=PATIENCE_S, drain_s=1.0)
        await until(lambda: count(supervisor) == 1)
        pid = int(await call(supervisor, "a", "pid", instance="x"))
        assert "--at" in psutil.Process(pid).cmdline()


async def test_another_number_is_adopted_without_a_restart() -> None:
    async with supervised(warm(1)) as (supervisor, _):
        await until(lambda: count(supervisor) == 1)
        pids = {child.pid for child in supervisor._all()}
        await supervisor.apply([warm(3)])
        await until(lambda: count(supervisor) == 3)
        assert pids <= {child.pid for child in supervisor._all()}
        await supervisor.apply([warm(0)])
        assert count(supervisor) == 0


async def test_a_lazy_server_has_spares_from_its_first_call_on() -> None:
    async with supervised(warm(1, lazy=True)) as (supervisor, heard):
        await heard.until(lambda: bool(row(supervisor, "a")["resting"]))
        await supervisor.apply([warm(1, lazy=True, description="other words")])
        assert len(supervisor._all()) == 1
        await call(supervisor, "a", "pid", instance="mine")
        await until(lambda: count(supervisor) == 1)


async def test_spares_only_fill_the_room_that_callers_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spares, "MAX_INSTANCES", 2)
    async with supervised(warm(2)) as (supervisor, _):
        await until(lambda: count(supervisor) == 2)
        for name in ("one", "two"):
            await call(supervisor, "a", "pid", instance=name)
        assert (row(supervisor, "a")["instances"], count(supervisor)) == (2, 0)
        assert len(supervisor._all()) == 3
        await supervisor.release("one")
        await until(lambda: count(supervisor) == 1)


async def test_a_spare_that_cannot_start_does_not_keep_a_caller_from_an_own_start() -> None:
    async with supervised(warm(1, "--at", "start")) as (supervisor, heard):
        await heard.state("a", "failed")
        await until(lambda: all(child.state == "failed" for child in supervisor._all()))
        assert count(supervisor) == 0
        assert supervisor._spares.take(A, "x") is None
