"""Stand-ins as context managers: real HTTP on a free port of loopback, served from a thread of this process."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn

from tests.standins import registry, smithery
from tests.standins.faults import Controlled

_STARTUP_S = 20.0


class _Server(uvicorn.Server):
    """Tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        self.listening.set()


class Running:
    """A stand-in that listens, or has been stopped; it keeps its port, log and settings over stop and start."""

    def __init__(self, app: Controlled) -> None:
        self.app = app
        self._port = 0
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen (again)."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self._port))
        self._port = listener.getsockname()[1]
        config = uvicorn.Config(
            self.app, log_level="critical", ws="none", lifespan="off", loop="asyncio", timeout_graceful_shutdown=1
        )
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._serve, args=(self._server, listener), daemon=True)
        self._thread.start()
        assert self._server.listening.wait(_STARTUP_S), "the stand-in did not start"

    @staticmethod
    def _serve(server: _Server, listener: socket.socket) -> None:
        try:
            server.run([listener])
        finally:
            listener.close()

    def stop(self) -> None:
        """Stop listening; connections are refused from now on."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join(_STARTUP_S)
        self._server = self._thread = None

    def fault(self, **fault: Any) -> None:
        """Misbehave from now on: see faults.py."""
        httpx.post(f"{self.url}/ctl/fault", json=fault, trust_env=False).raise_for_status()

    def mend(self) -> None:
        """Behave again."""
        httpx.delete(f"{self.url}/ctl/fault", trust_env=False).raise_for_status()

    def settings(self, **settings: Any) -> None:
        """Change how it behaves."""
        self.app.settings.update(settings)

    def log(self) -> list[dict[str, Any]]:
        """The requests so far, oldest first; also while it is stopped."""
        return list(self.app.log)

    def forget(self) -> None:
        """Empty the log."""
        self.app.log.clear()


class RunningSmithery(Running):
    """The stand-in Smithery."""

    def __init__(self, key: str, *, anonymous: bool) -> None:
        super().__init__(smithery.build(key, anonymous=anonymous))
        self.key = key


class RunningRegistry(Running):
    """The stand-in official registry."""

    def __init__(self) -> None:
        super().__init__(registry.build())


@contextmanager
def running_smithery(key: str = smithery.KEY, *, anonymous: bool = False) -> Iterator[RunningSmithery]:
    """Run a stand-in Smithery; `anonymous`: whether it answers reads without a key."""
    running = RunningSmithery(key, anonymous=anonymous)
    running.start()
    try:
        yield running
    finally:
        running.stop()


@contextmanager
def running_registry() -> Iterator[RunningRegistry]:
    """Run a stand-in official registry."""
    running = RunningRegistry()
    running.start()
    try:
        yield running
    finally:
        running.stop()
