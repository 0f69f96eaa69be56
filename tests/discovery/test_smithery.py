"""Smithery as a source, against the stand-in."""

from __future__ import annotations

import pytest

from gateway.config.registries import SmitherySection
from gateway.discovery.ports import Wanted
from gateway.discovery.smithery import smithery_access
from gateway.errors import DiscoveryError, ListingInvalid, NotFound, RegistryUnavailable, UsageError
from gateway.listing import BundleConnection, RemoteConnection, UnsupportedConnection
from tests.discovery.support import BASE, fail, paths, smithery_of
from tests.fakes import FakeClock
from tests.standins import smithery
from tests.standins.faults import Controlled
from tests.standins.listings import HOSTILE, SERVERS

LISTED = [server for server in SERVERS.values() if server.listed]


@pytest.fixture
def app() -> Controlled:
    """A stand-in Smithery without sockets."""
    return smithery.build()


async def test_a_short_search_is_one_request(app: Controlled, clock: FakeClock) -> None:
    found = await smithery_of(app, clock).search(Wanted("weather"))
    assert found.listings[0].name == "acme/weather-http"
    assert [row["query"] for row in app.log] == ["pageSize=20&q=weather&page=1"]


async def test_browsing_everything_walks_the_pages_and_stops_at_the_last(app: Controlled, clock: FakeClock) -> None:
    found = await smithery_of(app, clock).search(Wanted("", limit=100))
    assert {listing.name for listing in found.listings} == {server.name for server in LISTED}
    fewer = await smithery_of(app, clock).search(Wanted("", limit=25))
    assert len(fewer.listings) == 25
    assert len(app.log) == 2


async def test_the_paging_ends_at_an_empty_page_when_no_count_is_given(app: Controlled, clock: FakeClock) -> None:
    fail(app, status=200, body={"servers": [{"qualifiedName": "a/b"}]}, times=2)
    fail(app, status=200, body={"servers": []})
    found = await smithery_of(app, clock).search(Wanted(""))
    assert len(found.listings) == 2
    assert len(app.log) == 3


async def test_a_paging_without_end_is_bounded(app: Controlled, clock: FakeClock) -> None:
    fail(app, status=200, body={"servers": [None]})
    found = await smithery_of(app, clock).search(Wanted(""))
    assert (found.listings, found.skipped, len(app.log)) == ((), 20, 20)


async def test_a_later_page_that_fails_only_ends_the_list(app: Controlled, clock: FakeClock) -> None:
    page = {"servers": [{"qualifiedName": "a/b"}], "pagination": {"totalPages": 3}}
    fail(app, status=200, body=page, times=1)
    fail(app, status=500)
    found = await smithery_of(app, clock).search(Wanted(""))
    assert [listing.name for listing in found.listings] == ["a/b"]
    assert isinstance(found.problem, RegistryUnavailable)


async def test_filters_travel_to_the_registry(app: Controlled, clock: FakeClock) -> None:
    wanted = Wanted("weather", verified=True, remote=True, namespace="acme")
    found = await smithery_of(app, clock).search(wanted)
    assert [listing.name for listing in found.listings] == ["acme/weather-http"]
    assert app.log[0]["query"] == "pageSize=20&q=weather&verified=true&remote=true&namespace=acme&page=1"


async def test_malformed_entries_are_skipped_and_counted(app: Controlled, clock: FakeClock) -> None:
    app.settings["hostile"] = True
    found = await smithery_of(app, clock).search(Wanted("", limit=100))
    assert (found.skipped, len(found.listings)) == (len(HOSTILE), len(LISTED))


async def test_one_server_is_asked_for_as_one_segment(app: Controlled, clock: FakeClock) -> None:
    found = await smithery_of(app, clock).get("@acme/echo-bundle")
    (listing,) = found.listings
    assert paths(app) == ["/servers/acme%2Fecho-bundle"]
    assert listing.connections is not None
    (bundle,) = listing.connections
    assert isinstance(bundle, BundleConnection)
    assert (bundle.url, bundle.authorize) == (f"{BASE}/servers/acme%2Fecho-bundle/download", True)
    assert bundle.config_schema["required"] == ["apiKey"]


async def test_a_remote_server_is_where_the_record_says(app: Controlled, clock: FakeClock) -> None:
    (listing,) = (await smithery_of(app, clock).get("acme/weather-http")).listings
    assert listing.connections is not None
    (remote,) = listing.connections
    assert isinstance(remote, RemoteConnection)
    assert remote.url == f"{BASE}/deployed/acme/weather-http"
    assert listing.tools is not None
    assert [tool.name for tool in listing.tools] == ["get_forecast", "echo", "people.greet"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("acme/legacy-function", "stdioFunction"), ("acme/older-command", "command"), ("acme/empty", "none")],
)
async def test_what_cannot_be_installed_says_why(app: Controlled, clock: FakeClock, name: str, kind: str) -> None:
    (listing,) = (await smithery_of(app, clock).get(name)).listings
    assert listing.connections is not None
    (connection,) = listing.connections
    assert isinstance(connection, UnsupportedConnection)
    assert connection.kind == kind
    assert connection.reason


async def test_a_server_that_searches_miss_is_found_by_name(app: Controlled, clock: FakeClock) -> None:
    assert (await smithery_of(app, clock).get("acme/unlisted")).listings[0].name == "acme/unlisted"


async def test_a_name_that_could_leave_its_place_is_never_sent(app: Controlled, clock: FakeClock) -> None:
    with pytest.raises(UsageError):
        await smithery_of(app, clock).get("acme/../tokens")
    assert app.log == []


async def test_an_unknown_name_is_not_found(app: Controlled, clock: FakeClock) -> None:
    with pytest.raises(NotFound, match="Smithery does not know acme/nothing"):
        await smithery_of(app, clock).get("acme/nothing")


async def test_an_answer_about_another_server_is_refused(app: Controlled, clock: FakeClock) -> None:
    fail(app, status=200, body={"qualifiedName": "evil/echo", "connections": []})
    with pytest.raises(ListingInvalid, match="evil/echo when asked for acme/echo"):
        await smithery_of(app, clock).get("acme/echo")


async def test_a_question_that_is_not_understood_names_what_was_asked(app: Controlled, clock: FakeClock) -> None:
    fail(app, status=422, body={"error": "q is too strange"})
    with pytest.raises(DiscoveryError, match=r"q is too strange \(asked for servers for 'x'\)"):
        await smithery_of(app, clock).search(Wanted("x"))


def test_the_fix_for_a_refusal_depends_on_whether_there_is_a_key() -> None:
    assert "Set SMITHERY_API_KEY" in smithery_access(SmitherySection()).key_fix
    assert "Correct SMITHERY_API_KEY" in smithery_access(SmitherySection(), "sk-x").key_fix


def test_a_key_given_apart_beats_the_sections() -> None:
    assert smithery_access(SmitherySection(api_key="in-file"), "sk-env").api_key == "sk-env"
