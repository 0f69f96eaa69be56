"""A real HTTP server in a thread of the test's process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import uvicorn
from starlette.types import ASGIApp

STARTED_S = 20.0


class _Announcing(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = threading.Event()

    async def startup(self, sockets: list | None = None) -> None:  # type: ignore[type-arg]
        await super().startup(sockets)
        self.up.set()


@contextmanager
def serving(app: ASGIApp, port: int = 0, *, lifespan: Literal["auto", "off"] = "off") -> Iterator[uvicorn.Server]:
    """Serve until the block ends; its open connections are cut then."""
    config = uvicorn.Config(app, port=port, lifespan=lifespan, log_config=None, ws="none", timeout_graceful_shutdown=1)
    server = _Announcing(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert server.up.wait(STARTED_S), "the server did not start"
    try:
        yield server
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(STARTED_S)


def port_of(server: uvicorn.Server) -> int:
    """The port on which it listens."""
    return int(server.servers[0].sockets[0].getsockname()[1])
