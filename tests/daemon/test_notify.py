"""sd_notify against a real datagram socket that stands in for systemd's."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.daemon.notify import NAMED, Notifier, status_text
from tests.fakes import FakeClock


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """A bound datagram socket; `getsockname` is its path."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.settimeout(5)
        yield receiver


def notifier(clock: FakeClock, **environ: str) -> Notifier:
    return Notifier(dict(environ), clock, pids={100, 99})


def listening(receiver: socket.socket, clock: FakeClock, **environ: str) -> Notifier:
    return notifier(clock, NOTIFY_SOCKET=receiver.getsockname(), **environ)


def heard(receiver: socket.socket) -> list[str]:
    return receiver.recv(4096).decode().split("\n")


def test_ready_is_told_with_its_status_in_one_datagram(systemd: socket.socket, clock: FakeClock) -> None:
    listening(systemd, clock).ready("5 servers ready")
    assert heard(systemd) == ["READY=1", "STATUS=5 servers ready"]


def test_a_status_of_several_lines_stays_one_assignment(systemd: socket.socket, clock: FakeClock) -> None:
    listening(systemd, clock).status("stopping\nREADY=1")
    assert heard(systemd) == ["STATUS=stopping READY=1"]


def test_watchdog_and_stopping_are_told(systemd: socket.socket, clock: FakeClock) -> None:
    speaker = listening(systemd, clock)
    speaker.watchdog()
    speaker.stopping("draining")
    assert [heard(systemd), heard(systemd)] == [["WATCHDOG=1"], ["STOPPING=1", "STATUS=draining"]]


def test_reloading_carries_the_monotonic_time_in_microseconds(systemd: socket.socket, clock: FakeClock) -> None:
    clock.advance(0.25)
    listening(systemd, clock).reloading()
    assert heard(systemd) == ["RELOADING=1", "MONOTONIC_USEC=1000250000"]


def test_an_at_sign_means_the_abstract_namespace(clock: FakeClock) -> None:
    name = f"mcp-gateway-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind("\0" + name)
        receiver.settimeout(5)
        notifier(clock, NOTIFY_SOCKET="@" + name).watchdog()
        assert heard(receiver) == ["WATCHDOG=1"]


def test_without_a_socket_everything_is_quietly_nothing(clock: FakeClock) -> None:
    silent = notifier(clock, WATCHDOG_USEC="30000000")
    for say in (silent.ready, silent.watchdog, silent.reloading, silent.stopping):
        say()
    silent.status("busy")
    assert not silent.is_active
    assert silent.watchdog_interval_s is None


@pytest.mark.parametrize("address", ["", "relative/path", "vsock:2:1234"])
def test_an_address_that_is_no_unix_socket_counts_as_none(clock: FakeClock, address: str) -> None:
    assert not notifier(clock, NOTIFY_SOCKET=address).is_active


def test_a_socket_nobody_listens_on_does_not_hurt(clock: FakeClock, tmp_path: Path) -> None:
    speaker = notifier(clock, NOTIFY_SOCKET=str(tmp_path / "gone"))
    speaker.ready()
    speaker.watchdog()
    assert speaker.is_active


def test_a_service_manager_that_does_not_read_never_blocks_us(systemd: socket.socket, clock: FakeClock) -> None:
    speaker = listening(systemd, clock)
    for _ in range(2000):
        speaker.watchdog()
    assert heard(systemd) == ["WATCHDOG=1"]


def test_children_inherit_none_of_the_variables(clock: FakeClock) -> None:
    environ = {"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "100", "PATH": "/bin"}
    Notifier(environ, clock, pids={100})
    assert environ == {"PATH": "/bin"}


@pytest.mark.parametrize(
    ("usec", "pid", "interval_s"),
    [
        ("30000000", "100", 15.0),
        ("30000000", "99", 15.0),  # the keeper is the service's main process
        ("30000000", "", 15.0),
        ("30000000", "7", None),  # meant for another process
        ("30000000", "x", None),
        ("0", "100", None),
        ("soon", "100", None),
        ("", "", None),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_systemd_asks(
    clock: FakeClock, usec: str, pid: str, interval_s: float | None
) -> None:
    speaker = notifier(clock, NOTIFY_SOCKET="/run/notify", WATCHDOG_USEC=usec, WATCHDOG_PID=pid)
    assert speaker.watchdog_interval_s == interval_s


def test_the_status_line_counts_who_serves_and_names_who_does_not() -> None:
    servers = {"a": "ready", "b": "backoff", "c": "stopped", "d": "failed", "e": "ready"}
    assert status_text(servers) == "serving 2 of 5 servers; failed: d; backoff: b"
    assert status_text({}) == "serving 0 of 0 servers"
    assert status_text({"a": "ready", "b": "resting", "c": "stopped"}) == "serving 2 of 3 servers"


def test_the_status_line_stays_short() -> None:
    servers = {f"s{n}": "failed" for n in range(NAMED + 2)}
    assert status_text(servers).endswith("s3, s4 and 2 more")
