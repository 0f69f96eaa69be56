"""The real daemon as systemd sees it: a stand-in listens where the service manager would."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.e2e.harness import running_gateway, wait_until
from tests.e2e.wire import Legacy, text_of

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

SERVER = [sys.executable, str(Path(__file__).parents[1] / "massgen" / "awkward_server.py")]
CONFIG = f'[[server]]\nname = "one"\ncommand = {json.dumps(SERVER)}\nrequired = true\n'


class Systemd:
    """A bound datagram socket that remembers what it was told."""

    def __init__(self, receiver: socket.socket) -> None:
        self.receiver = receiver
        self.address = receiver.getsockname()

    def forget(self, quiet_s: float = 1.5) -> None:
        """Drop what was said until now; from then on reading waits only so long."""
        self.receiver.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while self.receiver.recv(4096):
                pass
        self.receiver.settimeout(quiet_s)

    def wait_for(self, line: str) -> list[str]:
        """Read until a message holds this line; return that message. The socket's timeout is the bound."""
        while True:
            message = self.receiver.recv(4096).decode().split("\n")
            if line in message:
                return message


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.settimeout(30)
        yield Systemd(receiver)


def test_systemd_hears_of_readiness_of_life_of_a_reload_and_of_the_end(tmp_path: Path, systemd: Systemd) -> None:
    environment = {"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "400000"}
    with running_gateway(tmp_path, config=CONFIG, environment=environment) as gateway:
        assert gateway.process is not None
        ready = systemd.wait_for("READY=1")
        assert any(line.startswith("STATUS=") for line in ready)
        systemd.wait_for("WATCHDOG=1")
        gateway.process.send_signal(signal.SIGHUP)
        reloading = systemd.wait_for("RELOADING=1")
        assert any(line.startswith("MONOTONIC_USEC=") for line in reloading)
        systemd.wait_for("READY=1")
        assert gateway.stop() == 0
        systemd.wait_for("STOPPING=1")


def test_a_daemon_that_stands_still_gives_no_sign_of_life_and_one_again_when_it_goes_on(
    tmp_path: Path, systemd: Systemd
) -> None:
    environment = {"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "400000"}
    with running_gateway(tmp_path, config=CONFIG, environment=environment) as gateway:
        systemd.wait_for("WATCHDOG=1")
        stopped = psutil.Process(gateway.pid())
        stopped.suspend()
        try:
            systemd.forget()
            with pytest.raises(TimeoutError):
                systemd.receiver.recv(4096)
        finally:
            stopped.resume()
        systemd.receiver.settimeout(30)
        systemd.wait_for("WATCHDOG=1")
        wait_until(lambda: "event_loop_late" in gateway.log.read_text(), within=30, what="the delay in the log")
        assert gateway.metric("mcp_gateway_event_loop_lag_seconds") >= 1


def test_systemd_is_told_which_server_is_in_trouble_and_what_the_daemon_waits_for(
    tmp_path: Path, systemd: Systemd
) -> None:
    text = CONFIG + '[[server]]\nname = "two"\ncommand = ["/nowhere/two"]\n'
    with running_gateway(tmp_path, config=text, environment={"NOTIFY_SOCKET": systemd.address}) as gateway:
        systemd.wait_for("STATUS=serving 1 of 2 servers; failed: two")
        assert gateway.stop() == 0
        systemd.wait_for("STATUS=letting 0 calls in flight finish, for at most 30 s")
        systemd.wait_for("STATUS=stopping servers")


def test_a_signal_shows_where_the_daemon_stands(tmp_path: Path) -> None:
    with running_gateway(tmp_path, config=CONFIG) as gateway:
        assert gateway.process is not None
        gateway.process.send_signal(signal.SIGUSR1)  # the keeper passes it on
        wait_until(lambda: "most recent call first" in gateway.log.read_text(), within=30, what=gateway.log_tail())
        assert gateway.server("one")["state"] == "ready"


def test_no_child_can_speak_to_systemd_in_our_name(tmp_path: Path, systemd: Systemd) -> None:
    environment = {"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "30000000"}
    with running_gateway(tmp_path, config=CONFIG, environment=environment) as gateway:
        child = psutil.Process(gateway.server("one")["pid"])
        assert not {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} & set(child.environ())


def test_a_systemd_credential_is_the_token_and_no_child_is_told_where_it_lies(tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "token").write_text("from-a-credential\n")
    environment = {"CREDENTIALS_DIRECTORY": str(credentials), "MCP_GATEWAY_TOKEN": ""}
    with running_gateway(tmp_path, config=CONFIG, environment=environment) as gateway:
        with Legacy(gateway.url, "from-a-credential") as client:
            said = client.call("one__say", {"text": "let in"})
        child = psutil.Process(gateway.server("one")["pid"]).environ()
    assert text_of(said) == "say: let in"
    assert not {"CREDENTIALS_DIRECTORY", "MCP_GATEWAY_TOKEN", "MCP_GATEWAY_ADMIN_TOKEN"} & set(child)
