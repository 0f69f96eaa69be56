"""P12: TERM drains: /readyz 503, nothing new is begun, calls are finished (<= 30 s), then everybody ends, exit 0.

Number: below the unit's TimeoutStopSec of 45 s. A second TERM hurries.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from time import monotonic
from typing import Any

import anyio
import httpx
import psutil
import pytest

from gateway.config.gateway import GatewaySection
from gateway.errors import ChildGone
from gateway.model import HealthPolicy
from tests.e2e.harness import Gateway, python_server, running_gateway, wait_until
from tests.e2e.wire import Legacy, text_of
from tests.promises.kept import alive, kept, until
from tests.supervisor.running import call, row, spec

pytestmark = [pytest.mark.process, pytest.mark.timeout(240)]

STOP_S = 45.0
MANY = 100


def config(*, drain_s: float = 30.0) -> str:
    slow = python_server("slow.py")
    command = json.dumps([slow["command"], *slow["args"]])
    return (
        f"[gateway]\ndrain_s = {drain_s}\n"
        f'[[server]]\nname = "slow"\ncommand = {command}\n[server.limits]\nmax_in_flight = {2 * MANY}\n'
        f'[[server]]\nname = "deaf"\ncommand = {json.dumps([command_of("deaf.py")[0], *command_of("deaf.py")[1:]])}\n'
    )


def command_of(script: str) -> list[str]:
    server = python_server(script)
    return [server["command"], *server["args"]]


class Callers:
    """So many clients, each with one call open."""

    def __init__(self, gateway: Gateway, count: int, seconds: float) -> None:
        self.results: list[Any] = []
        self._gateway, self._seconds = gateway, seconds
        self._threads = [threading.Thread(target=self._call, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()
        wait_until(lambda: gateway.server("slow")["in_flight"] == count, within=90, what="all calls are in flight")

    def _call(self) -> None:
        try:
            with Legacy(self._gateway.url, self._gateway.token) as client:
                client.http.timeout = 200
                self.results.append(client.call("slow__sleep", {"seconds": self._seconds}))
        except Exception as exc:  # noqa: BLE001 - whatever it was, the test shows it
            self.results.append(exc)

    def wait(self) -> list[Any]:
        """What each of them got."""
        for thread in self._threads:
            thread.join(timeout=120)
        return self.results


def is_error(result: Any) -> bool:
    """Whether a call was answered by an error result."""
    return isinstance(result, dict) and result.get("isError") is True


def refused(gateway: Gateway) -> bool:
    """Whether somebody new is told that nothing new is begun."""
    return httpx.get(f"http://127.0.0.1:{gateway.port}/readyz", timeout=5).status_code == 503


def test_p12_the_defaults_leave_room_before_systemd_loses_patience() -> None:
    assert GatewaySection().drain_s == 30
    unit = (Path(__file__).parents[2] / "systemd" / "mcp-gateway.service").read_text()
    assert "TimeoutStopSec=45" in unit.splitlines()


def test_p12_term_under_a_hundred_calls_lets_every_one_of_them_finish(tmp_path: Path) -> None:
    with running_gateway(tmp_path, config=config()) as gateway:
        gateway.wait_ready("slow", "deaf")
        tree = gateway.tree()
        assert gateway.process is not None
        callers = Callers(gateway, MANY, 12)
        began = monotonic()
        gateway.process.send_signal(signal.SIGTERM)
        wait_until(lambda: refused(gateway), within=5, what="nothing new is begun")
        results = callers.wait()
        assert gateway.process.wait(timeout=60) == 0
        assert monotonic() - began < STOP_S
    assert [text_of(result) for result in results] == ["slept"] * MANY
    assert [process for process in tree if process.is_running() and process.status() != psutil.STATUS_ZOMBIE] == []


def test_p12_a_probe_that_is_connected_already_reads_503_while_it_drains(tmp_path: Path) -> None:
    with running_gateway(tmp_path, config=config()) as gateway:
        gateway.wait_ready("slow")
        assert gateway.process is not None
        with httpx.Client(base_url=f"http://127.0.0.1:{gateway.port}", timeout=10) as probe:
            assert probe.get("/readyz").status_code == 200
            callers = Callers(gateway, 1, 4)
            assert probe.get("/readyz").status_code == 200
            gateway.process.send_signal(signal.SIGTERM)
            wait_until(lambda: answers(probe) == 503, within=5, what="it is not ready any more")
        assert text_of(callers.wait()[0]) == "slept"
        assert gateway.process.wait(timeout=60) == 0


def answers(probe: httpx.Client) -> int:
    """The status, or 0 when nobody is let in."""
    try:
        return probe.get("/readyz").status_code
    except httpx.HTTPError:
        return 0


def test_p12_calls_that_do_not_finish_in_time_are_ended_with_an_answer(tmp_path: Path) -> None:
    with running_gateway(tmp_path, config=config(drain_s=2)) as gateway:
        gateway.wait_ready("slow", "deaf")
        assert gateway.process is not None
        callers = Callers(gateway, 5, 600)
        began = monotonic()
        gateway.process.send_signal(signal.SIGTERM)
        assert gateway.process.wait(timeout=60) == 0
        assert 2 <= monotonic() - began < STOP_S
        results = callers.wait()
        assert [is_error(result) for result in results] == [True] * 5, results


async def test_p12_calls_that_are_cut_are_told_why_before_a_deaf_server_has_ended() -> None:
    unhurried = HealthPolicy(stop_timeout_sec=30)
    async with kept(spec("a", "deaf.py", health=unhurried)) as (supervisor, heard):
        pid = (await heard.state("a", "ready")).pid or 0
        async with anyio.create_task_group() as tasks:

            async def call_it() -> None:
                with pytest.raises(ChildGone, match="the gateway is stopping"):
                    await call(supervisor, "a", "stop_reading")

            tasks.start_soon(call_it)
            await until(lambda: row(supervisor, "a")["in_flight"] == 1)
            supervisor.cut_calls("the gateway is stopping")
        assert alive([pid]) == [pid]  # it has its time to end by itself, and nobody waits for that
        os.kill(pid, signal.SIGKILL)
        await heard.state("a", "stopped")


async def test_p12_servers_are_told_to_stop_in_the_reverse_order_of_their_starts() -> None:
    names = ["a", "b", "c"]
    async with kept() as (supervisor, heard):
        for count in range(1, len(names) + 1):
            await supervisor.apply([spec(name) for name in names[:count]])
            await heard.state(names[count - 1], "ready")
    stops = {name: heard.times(name, "stopping")[0] for name in names}
    assert sorted(names, key=stops.__getitem__) == ["c", "b", "a"]


def test_p12_a_second_term_hurries(tmp_path: Path) -> None:
    with running_gateway(tmp_path, config=config()) as gateway:
        gateway.wait_ready("slow")
        assert gateway.process is not None
        tree = gateway.tree()
        callers = Callers(gateway, 5, 600)
        began = monotonic()
        gateway.process.send_signal(signal.SIGTERM)
        wait_until(lambda: refused(gateway), within=5, what="it drains")
        gateway.process.send_signal(signal.SIGTERM)
        assert gateway.process.wait(timeout=60) == 0
        assert monotonic() - began < 20  # not the thirty seconds of draining
        assert len(callers.wait()) == 5  # nobody waits for ever
    assert [process for process in tree if process.is_running() and process.status() != psutil.STATUS_ZOMBIE] == []
