"""The official registry as a source, against its stand-in."""

from __future__ import annotations

import pytest

from gateway.config.registries import RegistrySection
from gateway.discovery.ports import Wanted
from gateway.discovery.registry import registry_access
from gateway.errors import ListingInvalid, NotFound, RegistryUnavailable, UsageError
from gateway.listing import BundleConnection, PackageConnection, RemoteConnection
from tests.discovery.support import fail, paths, registry_of
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
    fail(app, status=200, body={"servers": [ENTRY], "metadata": {}}, times=1)
    found = await registry_of(app, clock).search(Wanted(""))
    assert len(found.listings) == 2
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


async def test_of_several_words_the_longest_is_looked_for(app: Controlled, clock: FakeClock) -> None:
    await registry_of(app, clock).search(Wanted("time of forecasts"))
    assert app.log[0]["query"] == "limit=20&version=latest&search=forecasts"


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
async def test_a_withdrawn_server_says_so(app: Controlled, clock: FakeClock, name: str, status: str) -> None:
    (listing,) = (await registry_of(app, clock).get(name)).listings
    assert listing.status == status


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
