"""Soaks and kill series: what only shows after many repetitions. `make test-long` runs them."""

from __future__ import annotations

import os
import signal
import sqlite3
from pathlib import Path

import psutil
import pytest

from tests.e2e.harness import Gateway, python_server, running_gateway, wait_until
from tests.e2e.wire import Legacy, text_of

pytestmark = [pytest.mark.long, pytest.mark.process, pytest.mark.timeout(1500)]

MIB = 2**20
QUICK_RESTARTS = """
[[server]]
name = "echo"
command = ["{python}", "{script}"]
restart = {{ RestartSec = 0.05, RestartMaxDelaySec = 0.1, StartLimitBurst = 1000 }}
"""


def quick_echo() -> str:
    server = python_server("echo.py")
    return QUICK_RESTARTS.format(python=server["command"], script=server["args"][0])


def held(gateway: Gateway) -> tuple[int, int]:
    """Open descriptors and resident bytes of the daemon."""
    daemon = psutil.Process(gateway.pid())
    return daemon.num_fds(), daemon.memory_info().rss


def kill_child(gateway: Gateway) -> None:
    """Kill the child and wait until another one is ready."""
    pid = gateway.server("echo")["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_until(
        lambda: (row := gateway.server("echo"))["state"] == "ready" and row["pid"] != pid, within=20, what="back again"
    )


def test_two_hundred_deaths_of_a_child_leave_descriptors_and_memory_flat(tmp_path: Path) -> None:
    with running_gateway(tmp_path, config=quick_echo()) as gateway:
        gateway.wait_ready("echo")
        for _ in range(20):
            kill_child(gateway)
        descriptors, memory = held(gateway)
        for _ in range(200):
            kill_child(gateway)
        descriptors_after, memory_after = held(gateway)
        assert descriptors_after <= descriptors + 3
        assert memory_after - memory < 16 * MIB
        assert gateway.server("echo")["restarts"] == 220


def test_many_sessions_and_calls_leave_memory_flat(tmp_path: Path) -> None:
    with running_gateway(tmp_path, servers={"echo": python_server("echo.py")}) as gateway:
        gateway.wait_ready("echo")

        def use(sessions: int) -> None:
            for number in range(sessions):
                with Legacy(gateway.url, gateway.token, agent=f"a{number % 7}", run="soak") as client:
                    client.tools()
                    for _ in range(10):
                        assert text_of(client.call("echo__echo", {"text": "x"})) == "x"
                    client.close()

        use(100)
        descriptors, memory = held(gateway)
        use(400)
        descriptors_after, memory_after = held(gateway)
        assert descriptors_after <= descriptors + 5
        assert memory_after - memory < 24 * MIB


def test_what_the_ledger_acknowledged_survives_every_kill_of_the_daemon(tmp_path: Path) -> None:
    with running_gateway(tmp_path, servers={"echo": python_server("echo.py")}) as gateway:
        seen: set[str] = set()
        for _ in range(12):
            gateway.wait_ready("echo")
            with Legacy(gateway.url, gateway.token, agent="a", run="kills") as client:
                for _ in range(25):
                    client.call("echo__echo", {"text": "x"})
            # Answered by the ledger = committed; whatever comes after may be lost, this may not.
            rows = {row["call_id"] for row in gateway.cli("calls", "--limit", "10000")["calls"]}
            assert seen <= rows
            seen = rows
            os.kill(gateway.pid(), signal.SIGKILL)
            gateway.stop()
            gateway.start()
        assert len(seen) == 12 * 25
        with sqlite3.connect(gateway.state / "gateway.db") as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
