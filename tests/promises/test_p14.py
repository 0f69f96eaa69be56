"""P14: systemd sees a stalled gateway: WATCHDOG=1 comes from the event loop alone, so a blocked loop is silent.

Number: restarted < 30 s, which is the unit's WatchdogSec.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from gateway.daemon.lag import LAG_LIMIT_S, is_well
from tests.e2e.harness import ROOT, python_server, running_gateway
from tests.e2e.wire import Legacy, text_of

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

INJECTED = Path(__file__).parent / "injected"
STALL_S = 8.0
WATCHED_S = 2.0
TICK_LIMIT_S = 3.0


class Ear:
    """Listens as systemd does, and notes when it heard a sign of life."""

    def __init__(self, receiver: socket.socket) -> None:
        self.receiver = receiver
        self.signs: list[float] = []

    def listen(self, seconds: float) -> list[str]:
        """Listen for so long; returns all lines."""
        end, lines = monotonic() + seconds, []
        while (left := end - monotonic()) > 0:
            self.receiver.settimeout(left)
            try:
                told = self.receiver.recv(4096).decode().split("\n")
            except TimeoutError:
                break
            lines += told
            if "WATCHDOG=1" in told:
                self.signs.append(monotonic())
        return lines

    def until_sign(self, within_s: float) -> None:
        """Wait for the next sign of life."""
        count, end = len(self.signs), monotonic() + within_s
        while len(self.signs) == count:
            assert monotonic() < end, "no sign of life"
            self.listen(0.2)


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[Ear]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        yield Ear(receiver)


def environment(ear: Ear) -> dict[str, str]:
    return {
        "NOTIFY_SOCKET": ear.receiver.getsockname(),
        "WATCHDOG_USEC": str(int(WATCHED_S * 1_000_000)),
        "STALL_S": str(STALL_S),
        "PYTHONPATH": f"{INJECTED}:{ROOT}",
    }


def test_p14_a_blocked_loop_is_silent_and_speaks_again_when_it_turns(tmp_path: Path, ear: Ear) -> None:
    servers = {"echo": python_server("echo.py")}
    with running_gateway(tmp_path, servers=servers, environment=environment(ear)) as gateway:
        gateway.wait_ready("echo")
        ear.until_sign(30)
        pid = gateway.server("echo")["pid"]
        os.kill(gateway.pid(), signal.SIGUSR2)  # its main thread sleeps; its other threads and its children do not
        blocked_at = monotonic()
        ear.listen(WATCHED_S)  # what was said before it blocked is heard at once
        heard = len(ear.signs)
        ear.listen(STALL_S - WATCHED_S - 1)
        assert len(ear.signs) == heard
        ear.until_sign(60)
        assert ear.signs[-1] - blocked_at >= STALL_S - 1
        with Legacy(gateway.url, gateway.token) as client:
            assert text_of(client.call("echo__echo", {"text": "awake"})) == "awake"
        assert gateway.server("echo")["pid"] == pid


def test_p14_a_supervisor_that_does_not_come_round_is_silence_though_the_loop_turns(tmp_path: Path, ear: Ear) -> None:
    hang = tmp_path / "hang"
    told = {**environment(ear), "HOUSEKEEPING_HANGS": str(hang), "TICK_LIMIT_S": str(TICK_LIMIT_S)}
    with running_gateway(tmp_path, servers={"echo": python_server("echo.py")}, environment=told) as gateway:
        gateway.wait_ready("echo")
        ear.until_sign(30)
        hang.touch()
        try:
            ear.listen(TICK_LIMIT_S + 2 * WATCHED_S)
            heard = len(ear.signs)
            ear.listen(4 * WATCHED_S)
            assert len(ear.signs) == heard
            with Legacy(gateway.url, gateway.token) as client:
                assert text_of(client.call("echo__echo", {"text": "turning"})) == "turning"
        finally:
            hang.unlink()
        ear.until_sign(60)


def test_p14_a_loop_that_turns_gives_signs_often_enough_under_calls(tmp_path: Path, ear: Ear) -> None:
    servers = {"echo": python_server("echo.py")}
    with running_gateway(tmp_path, servers=servers, environment=environment(ear)) as gateway:
        gateway.wait_ready("echo")
        ear.until_sign(30)
        with Legacy(gateway.url, gateway.token) as client:
            for _ in range(20):
                for number in range(10):
                    client.call("echo__echo", {"text": str(number)})
                ear.listen(0.3)
        gaps = [later - earlier for earlier, later in zip(ear.signs, ear.signs[1:], strict=False)]
        assert len(gaps) >= 4
        assert max(gaps) < WATCHED_S + LAG_LIMIT_S


def test_p14_the_unit_has_it_restarted_within_thirty_seconds() -> None:
    unit = (ROOT / "systemd" / "mcp-gateway.service").read_text().splitlines()
    assert {"WatchdogSec=30", "Restart=always"} <= set(unit)


def test_p14_a_late_loop_or_a_supervisor_that_does_not_come_round_is_not_well() -> None:
    assert is_well(0.0, 0.0)
    assert not is_well(30.0, 0.0)
    assert not is_well(0.0, 300.0)
