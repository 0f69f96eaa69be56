"""One question over real HTTP to a registry that misbehaves in every way that was ever seen."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from random import Random
from typing import Any

import anyio
import httpx
import pytest

from gateway.discovery.asking.access import Access
from gateway.discovery.asking.wire import BODY_CAP_BYTES, Failed, Flight, Request, Wire
from gateway.errors import RegistryUnavailable, Who
from tests.discovery.support import Sleeps
from tests.fakes import FakeClock
from tests.standins.running import RunningSmithery, running_smithery

pytestmark = [pytest.mark.process]

IN_TIME_S = 20.0


@pytest.fixture(scope="module")
def running() -> Iterator[RunningSmithery]:
    with running_smithery() as smithery:
        yield smithery


@pytest.fixture
def smithery(running: RunningSmithery) -> RunningSmithery:
    running.mend()
    running.forget()
    return running


@contextmanager
def full_listener() -> Iterator[str]:
    """An address where connections are neither made nor refused: its queue is full."""
    with ExitStack() as open_sockets:
        listener = open_sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(4):
            filler = open_sockets.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


def wire_to(url: str, http: httpx.AsyncClient, clock: FakeClock, **more: Any) -> tuple[Wire, Sleeps]:
    """A wire whose waits take no time."""
    stated: dict[str, Any] = {"api_key": "sk-good", "rate": "1000/s", "burst": 1000, "timeout_s": 5.0, **more}
    sleeps = Sleeps(clock)
    return Wire(http, Access("Smithery", url, **stated), clock=clock, rng=Random(1), sleep=sleeps), sleeps


async def fails(wire: Wire, url: str, *, hurried: bool = False) -> Failed:
    """Ask in vain, and in time."""
    with anyio.fail_after(IN_TIME_S), pytest.raises(Failed) as caught:
        await wire.reply(Request(f"{url}/servers", "servers", hurried=hurried), 60.0, Flight())
    return caught.value


async def test_a_good_answer_comes_whole(smithery: RunningSmithery, http: httpx.AsyncClient, clock: FakeClock) -> None:
    wire, _ = wire_to(smithery.url, http, clock)
    reply = await wire.reply(Request(f"{smithery.url}/servers/solo", "solo"), 60.0, Flight())
    assert (reply.status, reply.body[:1]) == (200, b"{")
    again = await wire.reply(Request(f"{smithery.url}/servers/solo", "solo", reply.headers["etag"]), 60.0, Flight())
    assert (again.status, again.body) == (304, b"")


async def test_a_refused_connection_is_one_attempt(http: httpx.AsyncClient, clock: FakeClock) -> None:
    with running_smithery() as gone:
        url = gone.url
    wire, sleeps = wire_to(url, http, clock)
    failed = await fails(wire, url)
    assert failed.error.message == "Smithery is not reachable (ConnectError)"
    assert (failed.whole, failed.alive, sleeps.waits) == (True, False, [])
    assert isinstance(failed.error, RegistryUnavailable)
    assert failed.error.who == Who.PERSON


async def test_a_connection_that_nobody_accepts_is_given_up_soon(http: httpx.AsyncClient, clock: FakeClock) -> None:
    with full_listener() as url:
        wire, _ = wire_to(url, http, clock, timeout_s=0.3)
        failed = await fails(wire, url, hurried=True)
    assert isinstance(failed.error, RegistryUnavailable)
    assert failed.whole


@pytest.mark.parametrize(("hurried", "requests"), [(False, 3), (True, 1)])
async def test_a_registry_that_hangs_is_given_up_after_its_time(
    smithery: RunningSmithery, http: httpx.AsyncClient, clock: FakeClock, hurried: bool, requests: int
) -> None:
    smithery.fault(mode="slow", seconds=60)
    wire, _ = wire_to(smithery.url, http, clock, timeout_s=0.3)
    failed = await fails(wire, smithery.url, hurried=hurried)
    assert failed.error.message == "Smithery did not answer within 0.3 s"
    assert (len(smithery.log()), failed.whole) == (requests, True)


async def test_an_answer_that_drips_has_the_same_deadline_as_any_other(
    smithery: RunningSmithery, http: httpx.AsyncClient, clock: FakeClock
) -> None:
    smithery.fault(mode="drip", seconds=60)
    wire, _ = wire_to(smithery.url, http, clock, timeout_s=0.5)
    failed = await fails(wire, smithery.url, hurried=True)
    assert failed.error.message == "Smithery did not answer within 0.5 s"


async def test_a_connection_that_breaks_off_is_tried_again(
    smithery: RunningSmithery, http: httpx.AsyncClient, clock: FakeClock
) -> None:
    smithery.fault(mode="dropped", times=1)
    wire, sleeps = wire_to(smithery.url, http, clock)
    assert (await wire.reply(Request(f"{smithery.url}/servers", "servers"), 60.0, Flight())).status == 200
    assert len(sleeps.waits) == 1
    smithery.fault(mode="dropped")
    failed = await fails(wire, smithery.url)
    assert failed.error.message == "the connection to Smithery broke off (RemoteProtocolError)"


async def test_a_web_page_with_502_is_the_status_not_its_text(
    smithery: RunningSmithery, http: httpx.AsyncClient, clock: FakeClock
) -> None:
    smithery.fault(mode="html", status=502)
    wire, sleeps = wire_to(smithery.url, http, clock)
    failed = await fails(wire, smithery.url)
    assert failed.error.message == "Smithery answered 502 Bad Gateway"
    assert (failed.whole, len(sleeps.waits)) == (True, 2)


async def test_garbled_compression_is_one_clear_line(
    smithery: RunningSmithery, http: httpx.AsyncClient, clock: FakeClock
) -> None:
    smithery.fault(mode="garbled")
    wire, _ = wire_to(smithery.url, http, clock)
    failed = await fails(wire, smithery.url)
    assert failed.error.message == "Smithery answered with a packed body ('gzip'), which nobody asked for"
    assert len(smithery.log()) == 1


async def test_an_answer_without_end_is_cut_off(
    smithery: RunningSmithery, http: httpx.AsyncClient, clock: FakeClock
) -> None:
    smithery.fault(mode="huge")
    wire, _ = wire_to(smithery.url, http, clock)
    failed = await fails(wire, smithery.url)
    assert failed.error.message == f"Smithery answered with more than {BODY_CAP_BYTES} bytes"


async def test_an_hour_of_patience_is_more_than_is_granted(
    smithery: RunningSmithery, http: httpx.AsyncClient, clock: FakeClock
) -> None:
    smithery.fault(status=429, headers={"retry-after": "3600"})
    wire, sleeps = wire_to(smithery.url, http, clock)
    failed = await fails(wire, smithery.url)
    assert "it asks to wait 3600 s, longer than the 30 s allowed" in failed.error.message
    assert (sleeps.waits, failed.asked_s, len(smithery.log())) == ([], 3600.0, 1)


async def test_waits_in_every_spelling_are_granted(
    smithery: RunningSmithery, http: httpx.AsyncClient, clock: FakeClock
) -> None:
    date = format_datetime(datetime.fromtimestamp(clock.wall() + 4.25 + 9, UTC), usegmt=True)
    wire, sleeps = wire_to(smithery.url, http, clock)
    for headers in ({"retry-after": "4"}, {"retry-after-ms": "250", "retry-after": "9"}, {"retry-after": date}):
        smithery.fault(status=503, headers=headers, times=1)
        await wire.reply(Request(f"{smithery.url}/servers", "servers"), 60.0, Flight())
    assert sleeps.waits[:2] == [4.0, 0.25]
    assert 8.0 <= sleeps.waits[2] <= 9.0  # a date is told in whole seconds


@pytest.mark.parametrize(("said", "requests"), [("false", 1), ("true", 3)])
async def test_the_registry_has_the_last_word_on_another_try(
    smithery: RunningSmithery, http: httpx.AsyncClient, clock: FakeClock, said: str, requests: int
) -> None:
    smithery.fault(status=503 if said == "false" else 400, headers={"x-should-retry": said})
    wire, _ = wire_to(smithery.url, http, clock)
    await fails(wire, smithery.url)
    assert len(smithery.log()) == requests


async def test_whether_a_request_is_on_its_way_is_known_while_it_is(
    smithery: RunningSmithery, http: httpx.AsyncClient, clock: FakeClock
) -> None:
    flight = Flight()
    smithery.fault(mode="slow", seconds=60)
    wire, _ = wire_to(smithery.url, http, clock)
    with anyio.move_on_after(0.3):
        await wire.reply(Request(f"{smithery.url}/servers", "servers"), 60.0, flight)
    assert flight.sent_at == clock.now()
    smithery.mend()
    await wire.reply(Request(f"{smithery.url}/servers", "servers"), 60.0, flight)
    assert flight.sent_at is None
    assert wire.too_slow(4.2).message == "Smithery did not answer within 4 s"
