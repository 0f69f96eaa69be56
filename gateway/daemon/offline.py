"""The verbs without a running daemon: the same parts, in this process, under the lock of the state directory."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.clock import SystemClock
from gateway.daemon.options import ServeOptions
from gateway.daemon.setup import process_environment, read_setup
from gateway.daemon.state import StateLock
from gateway.daemon.workshop import Current, open_parts
from gateway.verbs.all import OfflineVerbs


@asynccontextmanager
async def open_offline(state: Path) -> AsyncIterator[OfflineVerbs]:
    """Open the state directory for one verb.

    Raises: AlreadyRunning when a daemon (or another verb) holds it; ConfigError; StoreError.
    """
    setup = read_setup(ServeOptions(state_dir=state), process_environment())
    setup.state.prepare()
    gateway = setup.config.gateway
    with StateLock(setup.state):
        async with open_parts(
            setup,
            Current(setup.config),
            clock=SystemClock(),
            rng=random.Random(),
            url=f"http://{gateway.host}:{gateway.port}/mcp",
        ) as parts:
            yield OfflineVerbs(parts)
