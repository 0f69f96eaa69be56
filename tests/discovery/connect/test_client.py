"""One request to Connect: key, retries of what may be repeated, caps, refusals; against the stand-in."""

from __future__ import annotations

import gzip

import anyio
import httpx
import pytest

from gateway.discovery.connect.answers import ConnectForbidden, ConnectionMismatch, ConnectRefused
from gateway.discovery.connect.client import Question
from gateway.errors import DiscoveryError, GatewayError, NotFound, RegistryUnauthorized, RegistryUnavailable
from tests.discovery.connect.support import KEY, REST, client_of
from tests.discovery.support import Sleeps, fail
from tests.fakes import FakeClock
from tests.standins import smithery
from tests.standins.faults import Controlled

READ = Question("GET", f"{REST}/my-app", "the connections")
WRITE = Question("POST", f"{REST}/my-app", "the connection", {"server": "acme/weather-http"}, repeatable=False)
PUT = Question("PUT", f"{REST}/my-app/wx", "the connection wx", {"server": "acme/weather-http"})


@pytest.fixture
def app() -> Controlled:
    """A stand-in Smithery without sockets."""
    return smithery.build()


async def test_a_question_carries_the_key_and_says_who_asks(app: Controlled, clock: FakeClock) -> None:
    answered = await client_of(app, clock).ask(READ)
    assert answered.value == {"connections": [], "nextCursor": None}
    (row,) = app.log
    assert (row["authorization"], row["path"]) == (f"Bearer {KEY}", "/my-app")
    assert row["user_agent"].startswith("mcp-gateway/")


async def test_without_a_key_nobody_is_asked_and_one_line_says_what_to_do(app: Controlled, clock: FakeClock) -> None:
    with pytest.raises(RegistryUnauthorized, match="needs an API key") as caught:
        await client_of(app, clock, api_key="").ask(READ)
    assert "SMITHERY_API_KEY" in caught.value.fix
    assert app.log == []


async def test_a_wrong_key_is_told_once_with_the_fix(app: Controlled, clock: FakeClock) -> None:
    with pytest.raises(RegistryUnauthorized, match="401") as caught:
        await client_of(app, clock, api_key="sk-bad").ask(READ)
    assert "refuses" in caught.value.fix
    assert len(app.log) == 1
    assert "sk-bad" not in caught.value.message + caught.value.fix


@pytest.mark.parametrize("question", [READ, PUT])
@pytest.mark.parametrize("status", [408, 429, 500, 503])
async def test_what_may_be_repeated_is_tried_again(
    app: Controlled, clock: FakeClock, status: int, question: Question
) -> None:
    fail(app, status=status, times=2)
    sleeps = Sleeps(clock)
    assert (await client_of(app, clock, sleep=sleeps).ask(question)).status in {200, 201}
    assert (len(app.log), len(sleeps.waits)) == (3, 2)


@pytest.mark.parametrize("status", [408, 500, 503])
async def test_a_write_that_may_have_happened_is_not_repeated(app: Controlled, clock: FakeClock, status: int) -> None:
    fail(app, status=status)
    with pytest.raises(RegistryUnavailable):
        await client_of(app, clock).ask(WRITE)
    assert len(app.log) == 1


async def test_a_write_that_was_not_let_in_is_repeated(app: Controlled, clock: FakeClock) -> None:
    fail(app, status=429, headers={"retry-after": "3"}, times=1)
    sleeps = Sleeps(clock)
    assert (await client_of(app, clock, sleep=sleeps).ask(WRITE)).status == 201
    assert sleeps.waits == [3.0]


async def test_a_mismatch_is_never_tried_again(app: Controlled, clock: FakeClock) -> None:
    client = client_of(app, clock)
    await client.ask(PUT)
    other = Question("PUT", f"{REST}/my-app/wx", "the connection wx", {"mcpUrl": "https://elsewhere.example"})
    with pytest.raises(ConnectionMismatch, match="leads elsewhere"):
        await client.ask(other)
    assert len(app.log) == 2


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, ConnectRefused), (402, DiscoveryError), (403, ConnectForbidden), (404, NotFound), (422, ConnectRefused)],
)
async def test_a_lasting_refusal_is_an_error_that_says_why(
    app: Controlled, clock: FakeClock, status: int, kind: type[GatewayError]
) -> None:
    fail(app, status=status, body={"error": "some_code", "message": "because of the moon"})
    with pytest.raises(kind) as caught:
        await client_of(app, clock).ask(READ)
    assert ("moon" in caught.value.message, len(app.log)) == (True, 1)
    assert caught.value.fix


async def test_a_wait_beyond_the_cap_is_told_and_not_kept(app: Controlled, clock: FakeClock) -> None:
    fail(app, status=429, headers={"retry-after": "3600"})
    sleeps = Sleeps(clock)
    with pytest.raises(RegistryUnavailable, match="3600 s, longer than the 30 s allowed") as caught:
        await client_of(app, clock, sleep=sleeps).ask(READ)
    assert (caught.value.retry_after_s, sleeps.waits, len(app.log)) == (3600.0, [], 1)


@pytest.mark.parametrize("mode", ["html", "truncated"])
async def test_nonsense_is_an_error_that_names_connect(app: Controlled, clock: FakeClock, mode: str) -> None:
    fail(app, mode)
    with pytest.raises(RegistryUnavailable, match="Smithery Connect answered with"):
        await client_of(app, clock).ask(READ)


async def test_an_endless_answer_is_cut_off(app: Controlled, clock: FakeClock) -> None:
    fail(app, "huge")
    with pytest.raises(RegistryUnavailable, match="more than 8388608 bytes"):
        await client_of(app, clock).ask(READ)


async def test_a_hanging_server_costs_the_time_out_and_no_more(app: Controlled, clock: FakeClock) -> None:
    fail(app, "slow", seconds=600.0)
    with anyio.fail_after(20), pytest.raises(RegistryUnavailable, match=r"did not answer within 0\.05 s"):
        await client_of(app, clock, timeout_s=0.05).ask(READ)
    assert len(app.log) == 3


async def test_nobody_there_is_told_with_the_address(clock: FakeClock) -> None:
    with pytest.raises(RegistryUnavailable, match="not reachable") as caught:
        await client_of(None, clock).ask(WRITE)
    assert REST in caught.value.fix


async def test_a_redirect_is_not_followed_with_the_key(clock: FakeClock) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(302, headers={"location": "https://evil.example/"}, json={})

    client = client_of(httpx.MockTransport(answer), clock)
    with pytest.raises(RegistryUnavailable, match="points elsewhere"):
        await client.ask(READ)
    assert [request.url.host for request in seen] == ["connect.test"]


@pytest.mark.parametrize("question", [READ, WRITE])
async def test_a_packed_answer_is_refused_at_once(clock: FakeClock, question: Question) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["accept-encoding"])
        bomb = gzip.compress(gzip.compress(bytes(1_000_000)))
        return httpx.Response(200, headers={"content-encoding": "gzip, gzip"}, stream=httpx.ByteStream(bomb))

    with pytest.raises(RegistryUnavailable, match="answered with a packed body"):
        await client_of(httpx.MockTransport(answer), clock).ask(question)
    assert asked == ["identity"]


@pytest.mark.parametrize("status", [400, 409, 500])
async def test_a_key_that_is_said_back_to_us_is_not_shown(app: Controlled, clock: FakeClock, status: int) -> None:
    fail(app, status=status, body={"error": "validation_error", "message": f"bad header Bearer {KEY}"})
    with pytest.raises(GatewayError) as told:
        await client_of(app, clock).ask(READ)
    shown = f"{told.value} {told.value.message} {told.value.fix}"
    assert KEY not in shown
    assert "***" in shown
