"""The official registry as a source, against its stand-in."""

from __future__ import annotations

import pytest

from gateway.config.registries import RegistrySection
from gateway.discovery.asking.drift import DriftMeter
from gateway.discovery.ports import Wanted
from gateway.discovery.registry import registry_access
from gateway.errors import DiscoveryError, ListingInvalid, NotFound, RegistryUnavailable, UsageError
from gateway.listing import BundleConnection, PackageConnection, RemoteConnection
from tests.discovery.support import MemoryAnswers, fail, paths, registry_of
from tests.fakes import FakeClock
from tests.standins import registry
from tests.standins.faults import Controlled

ENTRY = {"server": {"name": "a.b/c"}}


@pytest.fixture
def app() -> Controlled:
    """A stand-in registry without sockets."""
    return registry.build()


async def test_the_cursor_is_followed_to_the_end(app: Controlled, clock: FakeClock) -> None:
    found = await registry_of(app, clock).search(Wanted("many/server", limit=40))
    assert len({listing.name for listing in found.listings}) == 40
    assert len(app.log) == 1
    app.log.clear()
    fewer = await registry_of(app, clock).search(Wanted("", limit=90))
    assert len(fewer.listings) == 48
    assert all(listing.status != "deleted" for listing in fewer.listings)


async def test_a_second_page_is_asked_for_with_the_cursor(app: Controlled, clock: FakeClock) -> None:
    fail(app, status=200, body={"servers": [ENTRY], "metadata": {"nextCursor": "a.b/c:1"}}, times=1)
    fail(app, status=200, body={"servers": [{"server": {"name": "a.b/d"}}], "metadata": {}}, times=1)
    found = await registry_of(app, clock).search(Wanted(""))
    assert [listing.name for listing in found.listings] == ["a.b/c", "a.b/d"]
    assert app.log[1]["query"].endswith("cursor=a.b%2Fc%3A1")


async def test_a_cursor_that_goes_round_is_not_followed_for_ever(app: Controlled, clock: FakeClock) -> None:
    fail(app, status=200, body={"servers": [ENTRY], "metadata": {"nextCursor": "again"}})
    await registry_of(app, clock).search(Wanted(""))
    assert len(app.log) == 2


async def test_a_later_page_that_fails_only_ends_the_list(app: Controlled, clock: FakeClock) -> None:
    fail(app, status=200, body={"servers": [ENTRY], "metadata": {"nextCursor": "x"}}, times=1)
    fail(app, status=500)
    found = await registry_of(app, clock).search(Wanted(""))
    assert len(found.listings) == 1
    assert isinstance(found.problem, RegistryUnavailable)


async def test_every_telling_word_is_looked_for_and_most_matches_come_first(app: Controlled, clock: FakeClock) -> None:
    found = await registry_of(app, clock).search(Wanted("a time server with zones of every city"))
    asked = sorted(row["query"].rpartition("search=")[2] for row in app.log)
    assert asked == ["every", "time", "zones"]
    assert found.listings[0].name == "io.github.reference/time"
    assert {listing.name for listing in found.listings} >= {"example.acme/weather", "io.github.reference/everything"}


async def test_a_single_word_costs_a_single_question(app: Controlled, clock: FakeClock) -> None:
    found = await registry_of(app, clock).search(Wanted("forecasts"))
    assert [row["query"] for row in app.log] == ["limit=20&version=latest&search=forecasts"]
    assert [listing.name for listing in found.listings] == ["example.acme/weather", "io.github.acme/old-weather"]


async def test_words_whose_question_fails_cost_only_their_answers(app: Controlled, clock: FakeClock) -> None:
    fail(app, status=400, body={"error": "no"}, times=1)
    found = await registry_of(app, clock).search(Wanted("forecasts time"))
    assert [listing.name for listing in found.listings] == ["io.github.reference/time"]
    assert found.problem is not None


async def test_a_search_whose_every_question_fails_fails(app: Controlled, clock: FakeClock) -> None:
    fail(app, status=400, body={"error": "no"})
    with pytest.raises(DiscoveryError, match="400 Bad Request: no"):
        await registry_of(app, clock).search(Wanted("forecasts time"))


async def test_without_words_the_namespace_is_looked_for(app: Controlled, clock: FakeClock) -> None:
    found = await registry_of(app, clock).search(Wanted("", namespace="io.github.reference"))
    assert app.log[0]["query"].endswith("search=io.github.reference%2F")
    assert len(found.listings) == 3


async def test_withdrawn_servers_are_never_offered(app: Controlled, clock: FakeClock) -> None:
    app.settings["withdrawn"] = {"io.github.reference/time": "2026-05-01T00:00:00Z"}
    fail(app, status=200, body={"servers": [registry.entry({"name": "a.b/c"}, status="deleted")]}, times=1)
    assert (await registry_of(app, clock).search(Wanted("time"))).listings == ()


async def test_an_exact_version_is_asked_for(app: Controlled, clock: FakeClock) -> None:
    (old,) = (await registry_of(app, clock).get_version("io.github.reference/time", registry.OLD)).listings
    assert paths(app) == ["/v0.1/servers/io.github.reference%2Ftime/versions/2025.9.1"]
    assert old.version == registry.OLD
    assert isinstance(old.connections and old.connections[0], PackageConnection)


async def test_a_version_that_is_not_there_or_not_exact_is_told_apart(app: Controlled, clock: FakeClock) -> None:
    source = registry_of(app, clock)
    with pytest.raises(NotFound, match=r"does not know io\.github\.reference/time in version 9\.9"):
        await source.get_version("io.github.reference/time", "9.9")
    for vague in ("latest", "^1.0", "1/../2", ""):
        with pytest.raises(UsageError):
            await source.get_version("io.github.reference/time", vague)
    assert len(app.log) == 1


async def test_an_answer_in_another_version_is_refused(app: Controlled, clock: FakeClock) -> None:
    fail(app, status=200, body=registry.published("io.github.a/b", "2.0.0"))
    with pytest.raises(ListingInvalid, match=r"version 2\.0\.0"):
        await registry_of(app, clock).get_version("io.github.a/b", "1.0.0")


async def test_all_versions_are_listed_newest_first(app: Controlled, clock: FakeClock) -> None:
    found = await registry_of(app, clock).versions("io.github.reference/time")
    assert [(one.version, one.status, one.is_latest) for one in found] == [
        ("2026.6.4", "active", True), (registry.OLD, "active", False),
    ]  # fmt: skip
    (gone,) = await registry_of(app, clock).versions("io.github.acme/gone")
    assert gone.status == "deleted"


@pytest.mark.parametrize("problems", [False, True])
async def test_errors_are_read_in_both_styles(app: Controlled, clock: FakeClock, problems: bool) -> None:
    app.settings["problems"] = problems
    with pytest.raises(NotFound, match=r"does not know a\.b/nothing"):
        await registry_of(app, clock).get("a.b/nothing")
    with pytest.raises(DiscoveryError, match="400 Bad Request: Invalid cursor"):
        await registry_of(app, clock).page(cursor="nonsense")


async def test_pages_for_a_copy_hold_everything_and_are_not_remembered(app: Controlled, clock: FakeClock) -> None:
    answers = MemoryAnswers()
    source = registry_of(app, clock, answers=answers)
    page = await source.page()
    assert (page.entries, page.cursor, page.skipped) == (49, None, 0)
    assert "deleted" in {listing.status for listing in page.listings}
    assert answers.kept == {}
    fail(app, status=500)
    with pytest.raises(RegistryUnavailable):
        await source.page()


async def test_answers_are_compared_with_their_known_shape(app: Controlled, clock: FakeClock) -> None:
    source = registry_of(app, clock, meter=DriftMeter("registry", clock))
    await source.search(Wanted("time"))
    await source.versions("io.github.reference/time")
    for name in ("io.github.reference/time", "example.acme/weather", "io.github.acme/contained", "io.github.acme/gone"):
        await source.get(name)
    assert len(source.drift) == 0
    fail(app, status=200, body={"servers": [registry.published("a.b/c") | {"extra": 1}]})
    await source.search(Wanted("c"))
    assert {(one.field, one.kind) for one in source.drift} == {("metadata", "missing"), ("servers[].extra", "unknown")}


async def test_the_latest_version_is_asked_for_by_name(app: Controlled, clock: FakeClock) -> None:
    (listing,) = (await registry_of(app, clock).get("io.github.reference/time")).listings
    assert paths(app) == ["/v0.1/servers/io.github.reference%2Ftime/versions/latest"]
    assert listing.connections is not None
    (package,) = listing.connections
    assert isinstance(package, PackageConnection)
    assert (package.registry, package.identifier, package.version) == ("pypi", "mcp-server-time", "2026.6.4")
    assert package.package_arguments[0].default == "UTC"


async def test_a_bundle_comes_with_its_digest_and_a_remote_with_its_variables(
    app: Controlled, clock: FakeClock
) -> None:
    source = registry_of(app, clock)
    (echo,) = (await source.get("io.github.acme/echo")).listings
    (weather,) = (await source.get("example.acme/weather")).listings
    assert echo.connections is not None
    assert weather.connections is not None
    (bundle,), (remote,) = echo.connections, weather.connections
    assert isinstance(bundle, BundleConnection)
    assert isinstance(remote, RemoteConnection)
    assert bundle.sha256 is not None
    assert [variable.name for variable in remote.variables] == ["tenant"]
    assert [header.name for header in remote.headers] == ["Authorization"]


@pytest.mark.parametrize(
    ("name", "status"), [("io.github.acme/old-weather", "deprecated"), ("io.github.acme/gone", "deleted")]
)
async def test_a_withdrawn_server_says_so_and_when(app: Controlled, clock: FakeClock, name: str, status: str) -> None:
    (listing,) = (await registry_of(app, clock).get(name)).listings
    assert (listing.status, listing.status_changed_at) == (status, registry.UPDATED)


async def test_unknown_and_impossible_names_are_told_apart(app: Controlled, clock: FakeClock) -> None:
    with pytest.raises(NotFound, match=r"The MCP registry does not know a\.b/nothing"):
        await registry_of(app, clock).get("a.b/nothing")
    with pytest.raises(UsageError):
        await registry_of(app, clock).get("nothing")
    assert len(app.log) == 1


async def test_an_answer_about_another_server_is_refused(app: Controlled, clock: FakeClock) -> None:
    fail(app, status=200, body=ENTRY)
    with pytest.raises(ListingInvalid):
        await registry_of(app, clock).get("x.y/z")


def test_the_section_is_read() -> None:
    access = registry_access(RegistrySection(base_url="http://r", timeout_s=3.0))
    assert (access.base_url, access.timeout_s, access.api_key) == ("http://r", 3.0, "")
