"""P1: a died server is detected at once (< 250 ms), and its calls in flight get an error (< 500 ms), not a timeout."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import anyio
import pytest

from gateway.errors import ChildGone
from gateway.model import CallPolicy
from gateway.supervisor.supervisor import Supervisor
from tests.e2e.harness import python_server, running_gateway, wait_until
from tests.e2e.wire import Legacy, text_of
from tests.promises.kept import FAR_S, TENFOLD, UNPROBED, alive, kept, undisturbed
from tests.supervisor.running import Heard, call, row, spec

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

DETECTED_S = 0.25 * TENFOLD
ANSWERED_S = 0.5 * TENFOLD
PATIENT = CallPolicy(timeout_sec=FAR_S, max_timeout_sec=FAR_S)


async def detected_s(heard: Heard, name: str, kill: Callable[[], Awaitable[None]]) -> float:
    """Seconds from the kill to the fact that tells of it. Probes and deadlines are an hour away."""
    began = monotonic()
    await kill()
    await heard.until(lambda: bool(heard.exits(name)))
    return monotonic() - began


def killer(supervisor: Supervisor, name: str) -> Callable[[], Awaitable[None]]:
    async def kill() -> None:
        os.kill(row(supervisor, name)["pid"], signal.SIGKILL)

    return kill


async def test_p1_killed_while_idle_it_is_seen_at_once() -> None:
    async with kept(spec("a", health=UNPROBED, call=PATIENT), spec("good")) as (supervisor, heard):
        await heard.state("a", "ready")
        async with undisturbed(supervisor, heard):
            assert await detected_s(heard, "a", killer(supervisor, "a")) < DETECTED_S
            await heard.state("a", "ready", times=2)
        assert heard.exits("a")[0].signal == "SIGKILL"


async def test_p1_killed_while_idle_with_a_grandchild_that_holds_stdout_it_is_seen_at_once() -> None:
    holding = spec("a", "brood.py", health=UNPROBED, call=PATIENT)
    async with kept(holding) as (supervisor, heard):
        grandchildren = [int(pid) for pid in (await call(supervisor, "a", "pids")).split()]
        assert alive(grandchildren) == grandchildren
        assert await detected_s(heard, "a", killer(supervisor, "a")) < DETECTED_S
        await heard.state("a", "ready", times=2)


@pytest.mark.parametrize("script", ["hang.py", "brood.py"])
async def test_p1_killed_in_mid_call_the_callers_are_told_and_why(script: str) -> None:
    """Twenty calls are open; `brood.py` leaves grandchildren that keep the pipe open, so no end of file comes."""
    told: list[tuple[float, str]] = []
    async with kept(spec("a", script, health=UNPROBED, call=PATIENT)) as (supervisor, heard):
        await heard.state("a", "ready")
        os.kill(row(supervisor, "a")["pid"], signal.SIGSTOP)  # so that none of the calls is answered before the kill

        async def wait_for_the_end() -> None:
            with pytest.raises(ChildGone, match="SIGKILL"):
                await call(supervisor, "a", "echo", text="x")
            told.append((monotonic() - killed, "gone"))

        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(wait_for_the_end)
            while row(supervisor, "a")["in_flight"] < 20:
                await anyio.lowlevel.checkpoint()
            killed = monotonic()
            os.kill(row(supervisor, "a")["pid"], signal.SIGKILL)
        assert len(told) == 20
        assert max(after for after, _ in told) < ANSWERED_S
        await heard.state("a", "ready", times=2)


def test_p1_a_client_gets_an_error_result_with_its_reason_and_no_timeout(tmp_path: Path) -> None:
    servers = {"slow": python_server("slow.py"), "brood": python_server("brood.py")}
    with running_gateway(tmp_path, servers=servers) as gateway:
        gateway.wait_ready("slow", "brood")
        with Legacy(gateway.url, gateway.token) as client, ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(client.call, "slow__sleep", {"seconds": 600})
            wait_until(lambda: gateway.server("slow")["in_flight"] == 1, within=20, what="the call is in flight")
            began = monotonic()
            os.kill(gateway.server("slow")["pid"], signal.SIGKILL)
            result = waiting.result(timeout=30)
            assert monotonic() - began < ANSWERED_S
        assert result["isError"] is True
        assert result["_meta"]["gateway/error"]["code"] == "child_gone"
        assert "SIGKILL" in text_of(result)
