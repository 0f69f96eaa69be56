"""Clients of Connect wired to a stand-in's app without sockets, or to nobody."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import httpx

from gateway.config.registries import SmitherySection
from gateway.discovery.connect.access import connect_access
from gateway.discovery.connect.api import Connect
from gateway.discovery.connect.client import ConnectClient
from tests.discovery.support import Sleeps
from tests.fakes import FakeClock
from tests.standins.faults import Controlled

API = "http://api.test"
REST = "http://connect.test"
KEY = "sk-good"
SECTION = SmitherySection(
    base_url=API, connect_url=REST, api_key=KEY, rate="1000/s", burst=1000, timeout_s=5.0, connect_wait_s=60.0
)


class Nobody(httpx.AsyncBaseTransport):
    """A network on which nobody answers."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Fail as a closed port does."""
        raise httpx.ConnectError("nobody listens", request=request)


def client_of(
    app: Controlled | httpx.AsyncBaseTransport | None,
    clock: FakeClock,
    *,
    section: SmitherySection = SECTION,
    sleep: Any = None,
    **changes: Any,
) -> ConnectClient:
    """A client whose every request goes straight into the app; `changes` are made to the section."""
    inner = Nobody() if app is None else app if isinstance(app, httpx.AsyncBaseTransport) else httpx.ASGITransport(app)
    access = connect_access(replace(section, **changes))
    pause = sleep if sleep is not None else Sleeps(clock)
    return ConnectClient(httpx.AsyncClient(transport=inner), access, clock=clock, rng=Random(7), sleep=pause)


def connect_of(app: Controlled | httpx.AsyncBaseTransport | None, clock: FakeClock, **more: Any) -> Connect:
    """Connect at the app."""
    return Connect(client_of(app, clock, **more))
