"""What discovery's tests share: clients wired to a stand-in's app without sockets, and a sleep that takes no time."""

from __future__ import annotations

from random import Random
from typing import Any

import httpx
import msgspec

from gateway.discovery.asking.client import Access, RegistryClient
from gateway.discovery.asking.drift import DriftMeter
from gateway.discovery.ports import Answers, Found, Wanted
from gateway.discovery.registry import RegistrySource
from gateway.discovery.smithery import SmitherySource
from gateway.listing import Listing
from gateway.model import Source
from tests.fakes import FakeClock
from tests.standins.faults import Controlled, Fault

BASE = "http://registry.test"
QUICK = Access(
    label="Smithery", base_url=BASE, api_key="sk-good", rate="1000/s", burst=1000, timeout_s=5.0, key_fix="set a key"
)


class Sleeps:
    """A sleep that only turns the clock and remembers how long it was asked to wait."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.waits: list[float] = []

    async def __call__(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.waits.append(seconds)
        self._clock.advance(seconds)


def client_of(
    app: Controlled, clock: FakeClock, *, answers: Answers | None = None, sleep: Any = None,
    meter: DriftMeter | None = None, **access: Any,
) -> RegistryClient:  # fmt: skip
    """A client whose every request goes straight into the app."""
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app))
    stated = {name: getattr(QUICK, name) for name in Access.__slots__} | access
    pause = sleep if sleep is not None else Sleeps(clock)
    return RegistryClient(http, Access(**stated), clock=clock, rng=Random(7), answers=answers, sleep=pause, meter=meter)


def smithery_of(app: Controlled, clock: FakeClock, **more: Any) -> SmitherySource:
    """Smithery as a source, on the app."""
    return SmitherySource(client_of(app, clock, **more))


def registry_of(app: Controlled, clock: FakeClock, **more: Any) -> RegistrySource:
    """The official registry as a source, on the app."""
    return RegistrySource(client_of(app, clock, **{"label": "The MCP registry", "api_key": "", **more}))


def fail(app: Controlled, mode: str = "status", **fault: Any) -> None:
    """Make the stand-in misbehave."""
    app.faults.append(Fault(mode, **fault))


def paths(app: Controlled) -> list[str]:
    """Paths of the requests so far."""
    return [row["path"] for row in app.log]


def listing(name: str, source: Source = Source.SMITHERY, **more: Any) -> Listing:
    """A listing of which only a few things matter."""
    return msgspec.structs.replace(Listing(source=source, name=name, fetched_at=1_800_000_000.0), **more)


class MemoryAnswers:
    """Raw answers in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[bytes, float, str | None]] = {}

    async def put_answer(self, key: str, body: bytes, at: float, etag: str | None) -> None:
        """Keep one."""
        self.kept[key] = (body, at, etag)

    async def answer(self, key: str) -> tuple[bytes, float, str | None] | None:
        """Give it back."""
        return self.kept.get(key)


class ScriptedSource:
    """A source that answers as it was told: a Found, or an error to raise."""

    def __init__(self, name: str, *, search: Found | Exception, get: Found | Exception) -> None:
        self.name = name
        self.search_says_more = False
        self._search = search
        self._get = get
        self.asked: list[str] = []

    async def search(self, wanted: Wanted) -> Found:
        """As told."""
        self.asked.append(wanted.query)
        return _given(self._search)

    async def get(self, name: str) -> Found:
        """As told."""
        return _given(self._get)


def _given(answer: Found | Exception) -> Found:
    if isinstance(answer, Exception):
        raise answer
    return answer
