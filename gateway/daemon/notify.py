"""sd_notify: tells systemd when the daemon is ready, that its loop is alive, and what it is doing.

A datagram to `NOTIFY_SOCKET`, nothing else: it keeps no timer (the daemon's task calls `watchdog`) and reads no clock
but the one it is given. Without the variable every method does nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Collection, Mapping, MutableMapping

import structlog

from gateway.clock import Clock

log = structlog.get_logger("notify")

NAMED = 5  # troubled servers that the status line names
_VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class Notifier:
    """The service manager's ear. Takes its variables out of `environ`, so that no child speaks in our name.

    `pids` are the processes that may be meant by `WATCHDOG_PID`: the daemon's own and its keeper's, which is the
    service's main process.
    """

    def __init__(self, environ: MutableMapping[str, str], clock: Clock, *, pids: Collection[int]) -> None:
        address, usec, pid = (environ.pop(name, "") for name in _VARIABLES)
        self._clock = clock
        self._address = _socket_address(address)
        self._failing = False
        self.watchdog_interval_s = _interval_s(usec, pid, pids) if self._address else None
        """Half of what systemd allows between two signs of life, or None when it does not watch."""

    @property
    def is_active(self) -> bool:
        """Is anybody listening?"""
        return self._address is not None

    def ready(self, status: str = "") -> None:
        """The service is up (or has finished reloading)."""
        self._send("READY=1", *_status_lines(status))

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._send(*_status_lines(text))

    def watchdog(self) -> None:
        """The loop is alive."""
        self._send("WATCHDOG=1")

    def reloading(self) -> None:
        """The configuration is being read again; `ready` ends it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={int(self._clock.now() * 1_000_000)}")

    def stopping(self, status: str = "") -> None:
        """The service has begun to stop."""
        self._send("STOPPING=1", *_status_lines(status))

    def _send(self, *lines: str) -> None:
        if self._address is None or not lines:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)  # a service manager that does not read must not stop the loop
                sender.sendto("\n".join(lines).encode(), self._address)
            self._failing = False
        except OSError as exc:
            if not self._failing:
                log.warning("notify_failed", reason=exc.strerror)
            self._failing = True


def status_text(servers: Mapping[str, str]) -> str:
    """One line on how the servers are (name to state or `resting`), the troubled ones by name."""
    states: dict[str, list[str]] = {}
    for name, state in servers.items():
        states.setdefault(state, []).append(name)
    trouble = [
        f"{state}: {', '.join(names[:NAMED])}{f' and {len(names) - NAMED} more' if len(names) > NAMED else ''}"
        for state in ("failed", "backoff", "starting")
        if (names := states.get(state))
    ]
    served = len([*states.get("ready", []), *states.get("resting", [])])
    return "; ".join([f"serving {served} of {len(servers)} servers", *trouble])


def _socket_address(given: str) -> str | None:
    """The address to send to: a path, or a name in the abstract namespace (spelled with `@`, which stands for NUL)."""
    if given.startswith("/"):
        return given
    return "\0" + given[1:] if given.startswith("@") else None


def _interval_s(usec: str, pid: str, pids: Collection[int]) -> float | None:
    is_for_us = not pid or (pid.isascii() and pid.isdigit() and int(pid) in pids)
    if not (is_for_us and usec.isascii() and usec.isdigit() and int(usec) > 0):
        return None
    return int(usec) / 2 / 1_000_000


def _status_lines(text: str) -> list[str]:
    """`STATUS=` holds one line: a line break would begin another assignment."""
    words = " ".join(text.split())
    return [f"STATUS={words}"] if words else []
