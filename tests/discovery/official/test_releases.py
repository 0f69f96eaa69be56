"""Older releases of a server, against the stand-in."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gateway.discovery.official.releases import exact_release, releases_of
from gateway.discovery.sources import FixedSource
from gateway.errors import NotFound, RegistryUnavailable, UsageError
from gateway.listing import Listing
from gateway.model import Source
from tests.discovery.support import fail, listing, registry_of
from tests.fakes import FakeClock
from tests.standins import registry
from tests.standins.faults import Controlled

TIME = "io.github.reference/time"


class OneListing:
    """A catalogue that remembers one listing."""

    def __init__(self, known: Listing | None = None) -> None:
        self._known = known

    async def put_listings(self, listings: Sequence[Listing]) -> None:
        """Nothing is kept."""

    async def get(self, source: str, name: str) -> Listing | None:
        """Return it."""
        return self._known


@pytest.fixture
def app() -> Controlled:
    """A stand-in registry without sockets."""
    return registry.build()


async def test_exactly_the_asked_version_is_found(app: Controlled, clock: FakeClock) -> None:
    sources = [registry_of(app, clock)]
    assert (await exact_release(sources, OneListing(), TIME, registry.OLD)).version == registry.OLD


async def test_an_unknown_version_names_those_that_there_are(app: Controlled, clock: FakeClock) -> None:
    with pytest.raises(NotFound, match=r"has no version 1\.0") as caught:
        await exact_release([registry_of(app, clock)], OneListing(), TIME, "1.0")
    assert caught.value.fix == f"It has 2026.6.4, {registry.OLD}."
    with pytest.raises(NotFound, match="not known in any version"):
        await exact_release([registry_of(app, clock)], OneListing(), "a.b/nothing", "1.0")


async def test_many_versions_are_not_all_named(app: Controlled, clock: FakeClock) -> None:
    app.settings["published"] = [registry.published("a.b/c", f"1.{n}.0", isLatest=n == 9) for n in range(10)]
    with pytest.raises(NotFound) as caught:
        await exact_release([registry_of(app, clock)], OneListing(), "a.b/c", "2.0")
    assert caught.value.fix.endswith("and 5 more.")


async def test_a_remembered_version_serves_while_its_registry_is_away(app: Controlled, clock: FakeClock) -> None:
    known = listing(TIME, Source.REGISTRY, version="2026.6.4")
    fail(app, status=503)
    assert await exact_release([registry_of(app, clock)], OneListing(known), TIME, "2026.6.4") == known
    with pytest.raises(RegistryUnavailable):
        await exact_release([registry_of(app, clock)], OneListing(known), TIME, registry.OLD)


async def test_a_source_without_older_releases_serves_with_its_newest() -> None:
    newest = listing("acme/echo", version="2.0.0")
    source = FixedSource("smithery", [newest])
    assert await exact_release([source], OneListing(), "acme/echo", "2.0.0") == newest
    with pytest.raises(NotFound, match=r"smithery offers acme/echo in version 2\.0\.0, not 1\.0\.0"):
        await exact_release([source], OneListing(), "acme/echo", "1.0.0")
    with pytest.raises(NotFound, match="no source can be asked"):
        await exact_release([], OneListing(), "acme/echo", "1.0.0")


async def test_what_is_no_version_is_refused(app: Controlled, clock: FakeClock) -> None:
    with pytest.raises(UsageError, match="not an exact version"):
        await exact_release([registry_of(app, clock)], OneListing(), TIME, "latest")


async def test_releases_are_told_by_the_source_of_the_listing(app: Controlled, clock: FakeClock) -> None:
    sources = [registry_of(app, clock)]
    found = await releases_of(sources, listing(TIME, Source.REGISTRY))
    assert found is not None
    assert [one.version for one in found] == ["2026.6.4", registry.OLD]
    assert await releases_of(sources, listing(TIME, Source.SMITHERY)) is None


async def test_releases_that_cannot_be_had_now_are_unknown(app: Controlled, clock: FakeClock) -> None:
    fail(app, status=503)
    assert await releases_of([registry_of(app, clock)], listing(TIME, Source.REGISTRY)) is None
