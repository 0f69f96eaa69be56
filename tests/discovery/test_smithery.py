"""Smithery as a source, against the stand-in."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from gateway.config.registries import SmitherySection
from gateway.discovery.asking.drift import DriftMeter
from gateway.discovery.parsing.smithery_query import NAMES, Filters, read_filters
from gateway.discovery.ports import Health, Wanted
from gateway.discovery.smithery import MAX_PAGES, smithery_access
from gateway.errors import DiscoveryError, ListingInvalid, NotFound, RegistryUnavailable, UsageError
from gateway.facts import Fact, RegistryDrifted
from gateway.listing import BundleConnection, RemoteConnection, UnsupportedConnection
from tests.discovery.support import BASE, MemoryAnswers, fail, paths, smithery_of
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
    fail(app, status=200, body={"servers": [{"qualifiedName": "a/b"}]}, times=1)
    fail(app, status=200, body={"servers": [{"qualifiedName": "a/c"}]}, times=1)
    fail(app, status=200, body={"servers": []})
    found = await smithery_of(app, clock).search(Wanted(""))
    assert len(found.listings) == 2
    assert len(app.log) == 3


async def test_a_paging_without_end_is_bounded(app: Controlled, clock: FakeClock) -> None:
    fail(app, status=200, body={"servers": [None]})
    found = await smithery_of(app, clock).search(Wanted(""))
    assert (found.listings, found.skipped, len(app.log)) == ((), 20, 20)


@pytest.mark.parametrize("totals", ["large", "small", "zero", "null", "missing"])
@pytest.mark.parametrize("limit", [100, 500])
async def test_totals_that_lie_lose_nothing_and_never_loop(
    app: Controlled, clock: FakeClock, totals: str, limit: int
) -> None:
    app.settings |= {"totals": totals, "paging": "capped"}
    found = await smithery_of(app, clock).search(Wanted("", limit=limit))
    assert {listing.name for listing in found.listings} == {server.name for server in LISTED}
    assert len(found.listings) == len(LISTED)
    assert len(app.log) <= len(LISTED) // 5 + 2


async def test_a_page_that_comes_again_and_again_ends_the_walk(app: Controlled, clock: FakeClock) -> None:
    app.settings |= {"totals": "large", "paging": "repeat"}
    found = await smithery_of(app, clock).search(Wanted("", limit=500))
    assert len(found.listings) == len(LISTED)
    assert len(app.log) == 3


async def test_a_paging_that_makes_up_entries_for_ever_ends_at_the_limit_or_at_twenty_pages(
    app: Controlled, clock: FakeClock
) -> None:
    app.settings |= {"totals": "null", "paging": "endless"}
    found = await smithery_of(app, clock).search(Wanted("", limit=150))
    assert (len(found.listings), len(app.log)) == (200, 2)
    app.log.clear()
    everything = [part async for part in smithery_of(app, clock).pages(Wanted("", limit=100))]
    assert (len(everything), len(app.log)) == (MAX_PAGES, MAX_PAGES)


async def test_deep_paging_asks_for_one_order_and_enough_candidates(app: Controlled, clock: FakeClock) -> None:
    app.settings |= {"unstable": True, "paging": "capped"}
    found = await smithery_of(app, clock).search(Wanted("", limit=500))
    assert len(found.listings) == len(LISTED)
    assert {row["query"].split("&page=")[0] for row in app.log} == {"pageSize=100&seed=1"}
    app.log.clear()
    await smithery_of(app, clock).search(Wanted("widget", limit=300))
    assert app.log[0]["query"] == "pageSize=100&q=widget&topK=300&seed=1&page=1"


async def test_every_filter_of_the_registry_travels(app: Controlled, clock: FakeClock) -> None:
    filters = read_filters({
        "ids": SERVERS["acme/echo-bundle"].item()["id"], "qualifiedName": "acme/echo-bundle", "namespace": "acme",
        "remote": "false", "isDeployed": "0", "verified": "true", "smitheryManaged": "false", "ownerId": "user_01AB",
        "repoOwner": "acme-code", "repoName": "echo", "topK": "50", "seed": "9", "fields": "displayName,verified",
    })  # fmt: skip
    found = await smithery_of(app, clock).search(Wanted("echo", filters=filters))
    assert [listing.display_name for listing in found.listings] == ["Acme Echo"]
    asked = dict(parse_qsl(app.log[0]["query"]))
    assert set(NAMES) <= asked.keys()
    assert asked["fields"] == "qualifiedName,displayName,verified"


async def test_what_the_common_filters_say_beats_smitherys_own(app: Controlled, clock: FakeClock) -> None:
    wanted = Wanted("weather", verified=True, filters=Filters(verified=False, namespace="acme"))
    await smithery_of(app, clock).search(wanted)
    assert app.log[0]["query"] == "pageSize=20&q=weather&verified=true&namespace=acme&page=1"


async def test_differences_from_the_known_shape_are_counted_and_told(app: Controlled, clock: FakeClock) -> None:
    facts: list[Fact] = []
    source = smithery_of(app, clock, meter=DriftMeter("smithery", clock, facts.append))
    await source.search(Wanted("", limit=100))
    await source.get("acme/echo-bundle")
    assert (source.drift, facts) == ((), [])
    entry = {**SERVERS["solo"].item(), "useCount": "many", "stars": 3}
    del entry["score"]
    fail(app, status=200, body={"servers": [entry, entry], "pagination": None, "took": 5}, times=1)
    await source.search(Wanted("x", limit=1))
    assert [(one.field, one.kind, one.count) for one in source.drift] == [
        ("pagination", "type", 1), ("servers[].score", "missing", 2), ("servers[].stars", "unknown", 2),
        ("servers[].useCount", "type", 2), ("took", "unknown", 1),
    ]  # fmt: skip
    assert sum(fact.count for fact in facts if isinstance(fact, RegistryDrifted)) == 8


async def test_asking_for_few_fields_is_no_drift(app: Controlled, clock: FakeClock) -> None:
    source = smithery_of(app, clock, meter=DriftMeter("smithery", clock))
    await source.search(Wanted("echo", filters=Filters(fields=("displayName",))))
    assert source.drift == ()


async def test_its_health_is_asked_for_now_and_never_remembered(app: Controlled, clock: FakeClock) -> None:
    answers = MemoryAnswers()
    source = smithery_of(app, clock, answers=answers)
    assert await source.health() == Health("ok", "2026-11-23T00:00:00.000Z")
    assert answers.kept == {}
    fail(app, status=503)
    with pytest.raises(RegistryUnavailable):
        await source.health()


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
    assert app.log[0]["query"] == "pageSize=20&q=weather&remote=true&verified=true&namespace=acme&page=1"


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
