"""Gateway and keeper are killed at the same moment: the next start finds what they left."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest

from tests.e2e.harness import Gateway, python_server, running_gateway, wait_until
from tests.e2e.wire import Legacy, text_of

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]


def killed_together(gateway: Gateway) -> list[psutil.Process]:
    """Kill keeper and daemon so that neither sees the other die; return what was below them."""
    assert gateway.process is not None
    keeper, daemon, below = gateway.process.pid, gateway.pid(), gateway.tree()[2:]
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in (keeper, daemon):
            os.kill(pid, number)
    gateway.process.wait(timeout=10)
    return below


def lives(process: psutil.Process) -> bool:
    """Whether it still runs (nobody may be there to reap it)."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_start_ends_what_an_earlier_life_left_and_spares_other_gateways(tmp_path: Path) -> None:
    servers = {"nest": python_server("crasher.py", "--at", "never", "--setsid")}
    other_home = tmp_path / "other"
    other_home.mkdir()
    with (
        running_gateway(other_home, servers=servers) as other,
        running_gateway(tmp_path, servers=servers) as gateway,
    ):
        for each in (other, gateway):
            each.wait_ready("nest")
        with Legacy(gateway.url, gateway.token) as client:
            escaped = psutil.Process(int(text_of(client.call("nest__grandchild"))))
        below = killed_together(gateway)
        assert lives(escaped)  # nobody swept: that is what this is about
        gateway.process = None
        gateway.start()
        wait_until(lambda: not any(map(lives, [escaped, *below])), within=10, what="leftovers gone")
        assert "leftovers_ended" in gateway.log.read_text()
        with Legacy(other.url, other.token) as client:
            theirs = psutil.Process(int(text_of(client.call("nest__grandchild"))))
        assert lives(theirs)


def test_an_ordinary_start_finds_nothing_to_end(tmp_path: Path) -> None:
    with running_gateway(tmp_path, servers={"echo": python_server("echo.py")}) as gateway:
        gateway.wait_ready("echo")
        assert gateway.stop() == 0
        gateway.start()
        gateway.wait_ready("echo")
        assert "leftovers_ended" not in gateway.log.read_text()
