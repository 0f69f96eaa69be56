"""P10: no orphan: whatever way the gateway ends, no descendant lives after 2 s; a restart sweeps what is left over."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import psutil
import pytest

from tests.e2e.harness import Gateway, python_server, running_gateway, wait_until
from tests.e2e.wire import Legacy, text_of
from tests.promises.kept import alive, kept
from tests.supervisor.running import call, row, spec

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

GONE_S = 2.0
SERVERS = {"brood": python_server("brood.py"), "deaf": python_server("deaf.py"), "slow": python_server("slow.py")}


@pytest.fixture
def family(tmp_path: Path) -> Iterator[tuple[Gateway, list[int]]]:
    """A gateway with descendants of every kind, and all their pids: none may be left when a test ends."""
    everybody: list[int] = []
    try:
        with running_gateway(tmp_path, servers=SERVERS) as gateway:
            gateway.wait_ready(*SERVERS)
            everybody += grandchildren(gateway)
            everybody += [process.pid for process in gateway.tree()]
            yield gateway, everybody
    finally:
        for pid in alive(everybody):
            os.kill(pid, signal.SIGKILL)


def grandchildren(gateway: Gateway) -> list[int]:
    """One in its server's group, one in a session of its own, one forked twice; all living, all deaf to TERM."""
    with Legacy(gateway.url, gateway.token) as client:
        found = [int(pid) for pid in text_of(client.call("brood__pids")).split()]
    assert alive(found) == found
    assert os.getsid(found[1]) == found[1]
    assert psutil.Process(found[2]).ppid() != gateway.server("brood")["pid"]
    return found


def all_gone(pids: list[int]) -> None:
    wait_until(lambda: not alive(pids), within=GONE_S, what="every process is gone", every=0.02)


def test_p10_a_killed_gateway_leaves_nobody(family: tuple[Gateway, list[int]]) -> None:
    gateway, everybody = family
    assert len(everybody) >= 3 + 2 + 3
    os.kill(gateway.pid(), signal.SIGKILL)
    all_gone(everybody)


def test_p10_a_killed_keeper_leaves_nobody(family: tuple[Gateway, list[int]]) -> None:
    gateway, everybody = family
    assert gateway.process is not None
    gateway.process.kill()
    all_gone(everybody)


def test_p10_a_stopped_gateway_leaves_nobody(family: tuple[Gateway, list[int]]) -> None:
    gateway, everybody = family
    assert gateway.stop() == 0
    all_gone(everybody)


def test_p10_gateway_and_keeper_killed_together_leave_nobody_once_it_runs_again(
    family: tuple[Gateway, list[int]],
) -> None:
    gateway, everybody = family
    assert gateway.process is not None
    keeper, daemon = gateway.process.pid, gateway.pid()
    for pid in (keeper, daemon):
        os.kill(pid, signal.SIGSTOP)  # neither may notice the other's end
    for pid in (keeper, daemon):
        os.kill(pid, signal.SIGKILL)
    gateway.process.wait(timeout=10)
    gateway.process = None
    gateway.start(ready=False)
    wait_until(lambda: not alive(everybody), within=30, what="the leftovers of the earlier life are gone")
    gateway.wait_ready(*SERVERS)


def test_p10_the_sweep_at_a_start_touches_nothing_of_another_gateway(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    with running_gateway(tmp_path / "one", servers=SERVERS) as one:
        one.wait_ready(*SERVERS)
        assert one.process is not None
        servers = [one.server(name)["pid"] for name in SERVERS]
        everybody = [*grandchildren(one), *servers, one.process.pid, one.pid()]
        with running_gateway(tmp_path / "two", servers=SERVERS) as two:
            two.wait_ready(*SERVERS)
            assert alive(everybody) == everybody
        assert alive(everybody) == everybody
    assert alive(everybody) == []


async def test_p10_a_server_that_ends_leaves_nobody_of_its_group() -> None:
    async with kept(spec("a", "brood.py")) as (supervisor, heard):
        pid = (await heard.state("a", "ready")).pid
        in_its_group, *_ = [int(found) for found in (await call(supervisor, "a", "pids")).split()]
        began = monotonic()
        os.kill(row(supervisor, "a")["pid"], signal.SIGKILL)
        await heard.ready_but("a", pid)
        assert alive([in_its_group]) == []
        assert monotonic() - began < 20
