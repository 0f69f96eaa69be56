"""Starts the remote server of tests/servers, and changes it while it runs."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx

from tests.supervisor.running import SERVERS, free_port


@dataclass
class Remotes:
    """The remote servers of one test. Call it to start one (on the same port again, if one is given)."""

    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __call__(self, *arguments: str, port: int = 0) -> int:
        chosen = port or free_port()
        if port:
            self.stop()
        script = [sys.executable, str(SERVERS / "remote_http.py"), "--port", str(chosen), *arguments]
        self.running.append(subprocess.Popen(script))
        return chosen

    def stop(self) -> None:
        """Kill all of them."""
        while self.running:
            process = self.running.pop()
            process.kill()
            process.wait(timeout=10)


async def told(port: int, **settings: Any) -> dict[str, Any]:
    """Change a running remote server, and return what it counted so far."""
    async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
        answer = await http.post(f"http://127.0.0.1:{port}/ctl", json=settings)
        counted: dict[str, Any] = answer.json()
        return counted


async def until_up(port: int) -> None:
    """Wait until a remote server answers."""
    with anyio.fail_after(20):
        while True:
            try:
                await told(port)
            except httpx.TransportError:
                await anyio.sleep(0.05)
            else:
                return


def wait_until_up(port: int) -> None:
    """The same, for fixtures."""
    for _ in range(400):
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                return
        threading.Event().wait(0.05)
    raise TimeoutError(f"nothing listens at {port}")
