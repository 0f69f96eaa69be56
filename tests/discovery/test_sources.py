"""The sources of a configuration, and listings that are simply there."""

from __future__ import annotations

from random import Random

import httpx
import pytest

from gateway.config.registries import RegistrySection, SmitherySection
from gateway.discovery.ports import Monitored, Wanted
from gateway.discovery.sources import FixedSource, build_sources
from gateway.errors import NotFound
from gateway.facts import Fact, RegistryDrifted
from gateway.model import Source
from tests.discovery.support import listing
from tests.fakes import FakeClock
from tests.standins import smithery
from tests.standins.faults import Fault


@pytest.mark.parametrize(
    ("smithery_on", "registry_on", "names"),
    [
        (True, True, ["smithery", "registry"]),
        (False, True, ["registry"]),
        (True, False, ["smithery"]),
        (False, False, []),
    ],
)
async def test_only_registries_that_are_on_are_built(
    clock: FakeClock, smithery_on: bool, registry_on: bool, names: list[str]
) -> None:
    async with httpx.AsyncClient() as http:
        sections = SmitherySection(enabled=smithery_on), RegistrySection(enabled=registry_on)
        sources = build_sources(*sections, http=http, clock=clock, rng=Random(1))
    assert [source.name for source in sources] == names


async def test_the_base_url_and_the_key_reach_the_source(clock: FakeClock) -> None:
    app = smithery.build("sk-mine")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as http:
        section = SmitherySection(base_url="http://elsewhere.test:99/")
        (source,) = build_sources(
            section, RegistrySection(enabled=False), http=http, clock=clock, rng=Random(1), api_key="sk-mine"
        )
        (found,) = (await source.get("acme/echo-bundle")).listings
    assert found.connections is not None
    assert "http://elsewhere.test:99/servers/acme%2Fecho-bundle/download" in repr(found.connections)


async def test_fixed_listings_are_searched_by_word_and_shown_by_name() -> None:
    source = FixedSource(
        "starter", [listing("time", Source.STARTER, description="Clocks"), listing("git", Source.STARTER)]
    )
    assert [one.name for one in (await source.search(Wanted("clocks now"))).listings] == ["time"]
    assert len((await source.search(Wanted(""))).listings) == 2
    assert (await source.get("git")).listings[0].name == "git"
    with pytest.raises(NotFound):
        await source.get("fetch")


async def test_what_differs_from_the_known_answers_is_told_as_facts(clock: FakeClock) -> None:
    facts: list[Fact] = []
    app = smithery.build()
    app.faults.append(Fault(status=200, body={"servers": [], "pagination": {}, "took": 1}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as http:
        section = SmitherySection(base_url="http://x.test", api_key="sk-good")
        off = RegistrySection(enabled=False)
        (source,) = build_sources(section, off, http=http, clock=clock, rng=Random(1), publish=facts.append)
        await source.search(Wanted(""))
    assert isinstance(source, Monitored)
    told = {fact.field: fact.kind for fact in facts if isinstance(fact, RegistryDrifted)}
    assert told == {one.field: one.kind for one in source.drift}
    assert (told["took"], told["pagination.pageSize"]) == ("unknown", "missing")
