"""The whole flow of Connect against the stand-in, as the official clients go through it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from gateway.discovery.connect.answers import ConnectionMismatch, ConnectRefused
from gateway.discovery.connect.api import Connect
from gateway.discovery.connect.values import Filter, Grant, NewConnection
from gateway.errors import NotFound, RegistryUnavailable, UsageError
from tests.discovery.connect.support import API, REST, connect_of
from tests.discovery.support import fail, paths
from tests.fakes import FakeClock
from tests.standins import smithery
from tests.standins.faults import Controlled

WEATHER = NewConnection(server="acme/weather-http", name="Weather", metadata={"userId": "u1"})
LOGIN = {"state": "auth_required", "setupUrl": "https://smithery.example/in"}


@pytest.fixture
def app() -> Controlled:
    return smithery.build()


@pytest.fixture
def connect(app: Controlled, clock: FakeClock) -> Connect:
    return connect_of(app, clock)


async def test_a_connection_is_added_listed_read_and_removed(connect: Connect) -> None:
    made = await connect.put("my-app", "wx", WEATHER)
    assert (made.id, made.name, made.status.state) == ("wx", "Weather", "connected")
    assert made.mcp_url == "https://server.smithery.ai/acme/weather-http"
    assert await connect.put("my-app", "wx", WEATHER) == made  # the same again changes nothing
    assert await connect.connections("my-app") == (made,)
    assert await connect.get("my-app", "wx") == made
    assert await connect.delete("my-app", "wx") is True
    assert await connect.delete("my-app", "wx") is False
    assert await connect.find("my-app", "wx") is None


async def test_without_an_id_connect_chooses_one(connect: Connect) -> None:
    made = await connect.create("my-app", WEATHER)
    assert await connect.get("my-app", made.id) == made


async def test_a_long_list_comes_page_by_page(connect: Connect, app: Controlled) -> None:
    for number in range(5):
        await connect.put("my-app", f"c{number}", WEATHER)
    app.log.clear()
    found = await connect.connections("my-app", Filter(limit=2))
    assert [one.id for one in found] == ["c0", "c1", "c2", "c3", "c4"]
    assert [row["query"] for row in app.log] == ["limit=2", "limit=2&cursor=at-2", "limit=2&cursor=at-4"]


async def test_a_list_that_goes_in_circles_ends(clock: FakeClock) -> None:
    app = smithery.build()
    fail(app, body={"connections": [{"connectionId": "a"}], "nextCursor": "again"}, status=200)
    assert [one.id for one in await connect_of(app, clock).connections("my-app")] == ["a"]
    assert len(app.log) == 2


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (Filter(name="Weather"), ["wx"]), (Filter(metadata={"userId": "u2"}), ["other"]), (Filter(name="no"), []),
        (Filter(mcp_url="https://server.smithery.ai/acme/weather-http"), ["wx", "other"]),
    ],
)  # fmt: skip
async def test_a_list_can_be_narrowed(connect: Connect, wanted: Filter, ids: list[str]) -> None:
    await connect.put("my-app", "wx", WEATHER)
    await connect.put("my-app", "other", NewConnection(server="acme/weather-http", metadata={"userId": "u2"}))
    assert [one.id for one in await connect.connections("my-app", wanted)] == ids


async def test_another_address_under_the_same_id_is_a_mismatch_until_it_shall_be_replaced(connect: Connect) -> None:
    await connect.put("my-app", "wx", WEATHER)
    other = NewConnection(mcp_url="https://elsewhere.example/mcp")
    with pytest.raises(ConnectionMismatch) as caught:
        await connect.put("my-app", "wx", other)
    assert "--replace" in caught.value.fix
    replaced = await connect.put("my-app", "wx", other, replace=True)
    assert replaced.mcp_url == "https://elsewhere.example/mcp"


async def test_values_turn_an_input_required_connection_into_a_connected_one(connect: Connect) -> None:
    made = await connect.put("my-app", "vault", NewConnection(server="acme/vault-http"))
    assert (made.status.state, made.status.missing_headers) == ("input_required", ("x-api-key",))
    assert made.status.setup_url == "https://acme.example/setup"
    given = NewConnection(mcp_url=f"{made.mcp_url}?units=us", headers={"x-api-key": "k1"})
    assert "k1" not in repr(given)
    assert (await connect.put("my-app", "vault", given)).status.is_connected


@pytest.mark.parametrize(
    "status",
    [
        {"state": "disconnected"}, {"state": "error", "message": "no answer"}, LOGIN,
        {"state": "input_required", "missing": {"headers": ["x"], "query": []}}, {"state": "connected"},
        {"state": "of another age"},
    ],
)  # fmt: skip
async def test_every_state_is_seen(connect: Connect, app: Controlled, status: dict[str, Any]) -> None:
    await connect.put("my-app", "wx", WEATHER)
    app.settings["states"] = {"wx": status}
    assert (await connect.get("my-app", "wx")).status.state == status["state"]


async def test_a_sign_in_shows_as_soon_as_it_happened(connect: Connect, app: Controlled) -> None:
    app.settings["states"] = {"acme/weather-http": LOGIN}
    waiting = await connect.put("my-app", "wx", WEATHER)
    assert (waiting.status.setup_url, waiting.status.is_connected) == ("https://smithery.example/in", False)
    app.settings["states"] = {}
    assert (await connect.get("my-app", "wx")).status.is_connected


async def test_tools_are_listed_by_connection_category_and_name(connect: Connect) -> None:
    await connect.put("my-app", "wx", WEATHER)
    names = [tool.name for tool in await connect.tools("my-app", "wx")]
    assert names == ["get_forecast", "echo", "people.greet"]
    assert [tool.name for tool in await connect.tools("my-app", "wx", "people")] == ["people.greet"]
    assert [tool.name for tool in await connect.tools("my-app", "wx", "people.greet")] == ["people.greet"]
    with pytest.raises(NotFound):
        await connect.tools("my-app", "wx", "nothing")


@pytest.mark.parametrize("name", ["people.greet", "people/greet"])
async def test_a_tool_is_called_by_dots_or_slashes(connect: Connect, app: Controlled, name: str) -> None:
    await connect.put("my-app", "wx", WEATHER)
    outcome = await connect.call_tool("my-app", "wx", name, {"name": "Bo"})
    assert (outcome.result["content"][0]["text"], outcome.is_error) == ("Hello Bo", False)
    assert paths(app)[-1] == "/my-app/wx/.tools/people/greet"


async def test_a_tool_that_fails_is_an_outcome(connect: Connect) -> None:
    await connect.put("my-app", "wx", WEATHER)
    outcome = await connect.call_tool("my-app", "wx", "echo", {})
    assert (outcome.is_error, outcome.result["isError"]) == (True, True)
    assert "missing argument" in outcome.result["content"][0]["text"]


async def test_a_call_is_never_sent_twice(connect: Connect, app: Controlled) -> None:
    await connect.put("my-app", "wx", WEATHER)
    app.log.clear()
    fail(app, status=503)
    with pytest.raises(RegistryUnavailable):
        await connect.call_tool("my-app", "wx", "echo", {"text": "x"})
    assert len(app.log) == 1


async def test_namespaces_are_listed_and_made(connect: Connect, app: Controlled) -> None:
    assert await connect.namespaces() == ("my-app",)
    assert await connect.create_namespace("second") == "second"
    made = await connect.create_namespace()
    assert await connect.namespaces() == ("my-app", "second", made)
    with pytest.raises(ConnectionMismatch):
        await connect.create_namespace("widgets")
    assert {row["query"] for row in app.log} == {""}  # any query would search everybody's


async def test_a_token_reaches_as_far_as_it_was_made_for(connect: Connect, app: Controlled, clock: FakeClock) -> None:
    await connect.put("my-app", "wx", WEATHER)
    token = await connect.token(Grant("my-app"))
    limited = connect_of(app, clock, api_key=token.value)
    assert (await limited.get("my-app", "wx")).id == "wx"
    assert (await limited.call_tool("my-app", "wx", "echo", {"text": "yo"})).result["content"][0]["text"] == "yo"
    with pytest.raises(Exception, match="does not let this key"):
        await limited.delete("my-app", "wx")
    with pytest.raises(Exception, match="does not let this key"):
        await limited.namespaces()


async def test_an_old_installation_is_reached_below_the_api(app: Controlled, clock: FakeClock) -> None:
    connect = connect_of(app, clock, connect_url=API)
    await connect.put("my-app", "wx", WEATHER)
    assert paths(app) == ["/connect/my-app/wx"]
    assert connect.mcp_url("my-app", "wx") == f"{API}/connect/my-app/wx/mcp"


async def test_the_api_and_connect_are_asked_each_at_its_own_address(clock: FakeClock) -> None:
    import httpx

    hosts: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        hosts.append(f"http://{request.url.host}")
        return httpx.Response(200, json={"namespaces": [], "connections": []})

    connect = connect_of(httpx.MockTransport(answer), clock)
    await connect.namespaces()
    await connect.connections("my-app")
    assert hosts == [API, REST]


@pytest.mark.parametrize("name", ["../servers", "a/b", ""])
async def test_a_name_that_could_leave_its_place_is_never_sent(connect: Connect, app: Controlled, name: str) -> None:
    for ask in (
        lambda: connect.connections(name), lambda: connect.get(name, "wx"), lambda: connect.delete("my-app", name),
        lambda: connect.token(Grant(name)), lambda: connect.call_tool("my-app", name, "echo", {}),
    ):  # fmt: skip
        with pytest.raises(UsageError):
            await ask()
    assert app.log == []


async def test_a_server_that_nobody_knows_is_refused_with_its_words(connect: Connect) -> None:
    with pytest.raises(ConnectRefused, match="is needed"):
        await connect.put("my-app", "wx", NewConnection())
    with pytest.raises(NotFound, match="Namespace nowhere not found"):
        await connect.put("nowhere", "wx", WEATHER)
