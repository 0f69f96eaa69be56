"""P9: a server that does not read its stdin blocks nobody else, and is ended after 10 s."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from time import monotonic

import anyio
import pytest

from gateway.errors import ChildGone
from gateway.model import CallPolicy
from gateway.supervisor.processes.outbox import WRITE_DEADLINE_S
from tests.promises.kept import FAR_S, UNPROBED, kept, undisturbed
from tests.supervisor.running import call, spec

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

PATIENT = CallPolicy(timeout_sec=FAR_S, max_timeout_sec=FAR_S)
LARGE = "x" * 3_000_000


def test_p9_a_write_has_ten_seconds() -> None:
    assert WRITE_DEADLINE_S == 10


async def test_p9_a_stopped_server_with_three_megabytes_to_read_is_ended_after_ten_seconds() -> None:
    """No probe and no deadline of a call can end this: only that nothing is read."""
    async with kept(spec("a", health=UNPROBED, call=PATIENT), spec("good")) as (supervisor, heard):
        pid = (await heard.state("a", "ready")).pid
        assert pid is not None
        async with undisturbed(supervisor, heard) as good:
            os.kill(pid, signal.SIGSTOP)
            began = monotonic()
            with anyio.fail_after(60), pytest.raises(ChildGone, match="does not read its stdin"):
                await call(supervisor, "a", "echo", text=LARGE)
            assert monotonic() - began >= WRITE_DEADLINE_S
            assert good.slowest_s < WRITE_DEADLINE_S / 2
            await heard.ready_but("a", pid)
        assert "does not read its stdin" in heard.exits("a")[0].reason


async def test_p9_one_that_reads_slowly_is_given_its_time() -> None:
    async with kept(spec("a", health=UNPROBED, call=PATIENT)) as (supervisor, _):
        assert await call(supervisor, "a", "echo", text=LARGE) == LARGE


async def test_p9_one_that_closes_only_its_stdin_is_found_by_the_next_write() -> None:
    async with kept(spec("a", "deaf.py", health=UNPROBED, call=PATIENT), spec("good")) as (supervisor, heard):
        pid = (await heard.state("a", "ready")).pid
        async with undisturbed(supervisor, heard), anyio.create_task_group() as tasks:

            async def last_call() -> None:
                with pytest.raises(ChildGone):
                    await call(supervisor, "a", "close_stdin")

            tasks.start_soon(last_call)
            while not closed_its_stdin(pid):
                await anyio.sleep(0.01)
            with anyio.fail_after(30), pytest.raises(ChildGone, match="closed its stdin"):
                await call(supervisor, "a", "echo", text="x")
            await heard.ready_but("a", pid)
        assert "closed its stdin" in heard.exits("a")[0].reason


async def test_p9_one_that_closes_only_its_stdout_is_found_at_once() -> None:
    async with kept(spec("a", "deaf.py", health=UNPROBED, call=PATIENT), spec("good")) as (supervisor, heard):
        pid = (await heard.state("a", "ready")).pid
        async with undisturbed(supervisor, heard):
            with anyio.fail_after(30), pytest.raises(ChildGone, match="closed its stdout"):
                await call(supervisor, "a", "close_stdout")
            await heard.ready_but("a", pid)
        assert "closed its stdout" in heard.exits("a")[0].reason


def closed_its_stdin(pid: int | None) -> bool:
    """Whether descriptor 0 of that process is gone."""
    return not Path(f"/proc/{pid}/fd/0").is_symlink()
