"""The mark in children's secrets, and where it becomes a token."""

from __future__ import annotations

from typing import Any

import anyio
import httpx
import pytest

from gateway.discovery.connect.api import Connect
from gateway.discovery.connect.badge import RENEW_BEFORE_S, SECRET, TOKEN_TTL_S, Badge, NoBadgeError
from gateway.discovery.connect.values import NewConnection
from gateway.net.bodies import CodedBodyError
from gateway.net.guard import RefusedAddressError
from tests.discovery.connect.support import API, KEY, connect_of
from tests.discovery.support import fail
from tests.fakes import FakeClock
from tests.standins import smithery

MCP = f"{API}/connect/my-app/wx/mcp"
PING: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


class World:
    """A stand-in with one connection, a badge, and a client of a child."""

    def __init__(self, clock: FakeClock, **changes: Any) -> None:
        self.app = smithery.build()
        self.clock = clock
        self.connect: Connect = connect_of(self.app, clock, **changes)
        self.badge = Badge(self.connect, clock)
        self.http = httpx.AsyncClient(transport=self.badge.transport(httpx.ASGITransport(self.app)))

    async def made(self) -> World:
        """With its connection, and nothing in the log."""
        await connect_of(self.app, self.clock).put("my-app", "wx", NewConnection(server="acme/weather-http"))
        self.app.log.clear()
        return self

    @property
    def mark(self) -> str:
        """What a child is given."""
        return self.badge.with_mark({})[SECRET]

    async def post(self, url: str = MCP, **headers: str) -> httpx.Response:
        """As a child's connection does."""
        return await self.http.post(url, json=PING, headers=headers or {"Authorization": f"Bearer {self.mark}"})

    def shown(self) -> list[tuple[str, str]]:
        """(path, token) of each request so far."""
        return [(row["path"], (row["authorization"] or "").removeprefix("Bearer ")) for row in self.app.log]


def test_a_child_gets_its_own_secrets_and_a_mark_that_is_no_key(clock: FakeClock) -> None:
    world = World(clock)
    given = world.badge.with_mark({"TOKEN": "t", SECRET: "planted"})
    assert (given["TOKEN"], sorted(given), len(given)) == ("t", ["TOKEN", SECRET], 2)
    assert given[SECRET] not in {KEY, "planted"}
    assert given[SECRET] not in repr(given)
    assert "t" not in repr(given).replace(SECRET, "").replace("WithBadge", "").replace("TOKEN", "")


async def test_the_mark_becomes_a_limited_token_made_once(clock: FakeClock) -> None:
    world = await World(clock).made()
    assert (await world.post()).json()["result"] == {}
    assert (await world.post()).status_code == 200
    path = "/connect/my-app/wx/mcp"
    assert world.shown() == [("/tokens", KEY), (path, "st-1"), (path, "st-1")]


async def test_many_children_at_once_share_one_token(clock: FakeClock) -> None:
    world = await World(clock).made()
    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(world.post)
    assert [path for path, _ in world.shown()].count("/tokens") == 1


async def test_a_request_without_the_mark_goes_as_it_is(clock: FakeClock) -> None:
    world = await World(clock).made()
    assert (await world.post(Authorization="Bearer mine")).status_code == 401
    assert world.shown() == [("/connect/my-app/wx/mcp", "mine")]


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/connect/my-app/wx/mcp",
        f"{API}/servers",
        f"{API}/connect/my-app/wx",
        "http://connect.test/a/b",
    ],
)
async def test_the_mark_goes_nowhere_but_to_connect(clock: FakeClock, url: str) -> None:
    world = await World(clock).made()
    with pytest.raises(RefusedAddressError, match="is not sent to"):
        await world.post(url)
    assert world.app.log == []


async def test_the_mark_is_not_sent_in_any_other_header_or_in_an_address(clock: FakeClock) -> None:
    world = await World(clock).made()
    with pytest.raises(RefusedAddressError):
        await world.post(**{"X-Leak": world.mark})
    with pytest.raises(RefusedAddressError):
        await world.post(f"https://evil.example/?k={world.mark}", Authorization="Bearer x")
    assert world.app.log == []


async def test_a_token_near_its_end_is_replaced_first(clock: FakeClock) -> None:
    world = await World(clock).made()
    world.app.settings["expiresAt"] = "2027-01-15T09:00:00.000Z"  # an hour from the clock's now
    await world.post()
    clock.advance(TOKEN_TTL_S - RENEW_BEFORE_S - 1)
    await world.post()
    clock.advance(2)
    await world.post()
    assert [token for path, token in world.shown() if path != "/tokens"] == ["st-1", "st-1", "st-2"]


async def test_an_expired_token_is_replaced_and_the_request_answered(clock: FakeClock) -> None:
    world = await World(clock).made()
    await world.post()
    world.app.settings["expired"] = ["st-1"]
    assert (await world.post()).status_code == 200
    path = "/connect/my-app/wx/mcp"
    assert world.shown()[2:] == [(path, "st-1"), ("/tokens", KEY), (path, "st-2")]


async def test_a_token_that_cannot_be_renewed_yet_serves_to_its_end(clock: FakeClock) -> None:
    world = await World(clock).made()
    world.app.settings["expiresAt"] = "2027-01-15T09:00:00.000Z"
    await world.post()
    clock.advance(TOKEN_TTL_S - 10)
    fail(world.app, status=503, path="/tokens")
    assert (await world.post()).status_code == 200
    clock.advance(60)
    with pytest.raises(httpx.ConnectError, match="503"):
        await world.post()


async def test_a_wanted_sign_in_is_no_reason_for_a_new_token(clock: FakeClock) -> None:
    world = await World(clock).made()
    await world.post()
    world.app.settings["states"] = {"wx": {"state": "auth_required", "setupUrl": "https://smithery.example/in"}}
    answer = await world.post()
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, -32001)
    assert [path for path, _ in world.shown()].count("/tokens") == 1


@pytest.mark.parametrize("status", [400, 403, 404, 422])
async def test_an_account_without_service_tokens_uses_its_key(clock: FakeClock, status: int) -> None:
    world = await World(clock).made()
    fail(world.app, status=status, path="/tokens")
    assert (await world.post()).status_code == 200
    assert (await world.post()).status_code == 200
    path = "/connect/my-app/wx/mcp"
    assert world.shown() == [("/tokens", KEY), (path, KEY), (path, KEY)]


@pytest.mark.parametrize(("key", "said"), [("", "needs an API key"), ("sk-bad", "401")])
async def test_a_missing_or_refused_key_is_told_and_not_tried_again(clock: FakeClock, key: str, said: str) -> None:
    world = await World(clock, api_key=key).made()
    with pytest.raises(NoBadgeError, match=said) as caught:
        await world.post()
    assert isinstance(caught.value, httpx.ConnectError)
    assert "SMITHERY_API_KEY" in caught.value.fix


async def test_an_api_that_is_away_is_a_connection_that_was_not_made(clock: FakeClock) -> None:
    world = await World(clock).made()
    fail(world.app, "html", path="/tokens")
    with pytest.raises(httpx.ConnectError, match="web page") as caught:
        await world.post()
    assert not isinstance(caught.value, NoBadgeError)


async def test_a_long_refusal_is_cut(clock: FakeClock) -> None:
    world = await World(clock).made()
    fail(world.app, status=401, body="x" * 200_000, path="/connect")
    answer = await world.post()
    assert (answer.status_code, len(answer.content) <= 200_000) == (401, True)
    await world.http.aclose()


async def test_a_packed_refusal_is_not_unpacked(clock: FakeClock) -> None:
    world = await World(clock).made()
    coded = {"content-encoding": "gzip, gzip", "content-type": "application/json"}

    def refuse(_: httpx.Request) -> httpx.Response:
        return httpx.Response(401, headers=coded, stream=httpx.ByteStream(b"packed"))

    async with httpx.AsyncClient(transport=world.badge.transport(httpx.MockTransport(refuse))) as http:
        with pytest.raises(CodedBodyError, match="gzip, gzip"):
            await http.post(MCP, json=PING, headers={"Authorization": f"Bearer {world.mark}"})
