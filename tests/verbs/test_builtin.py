from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.config import Config
from gateway.config.install import InstallSection
from gateway.discovery.finder import Finder
from gateway.discovery.sources import FixedSource
from gateway.endpoint.ports import Rating
from gateway.errors import NotFound, RefusedByPolicy
from gateway.facts import Rewarded
from gateway.model import Caller, Origin, Source
from gateway.store.catalogue import Catalogue
from gateway.verbs.builtin import BuiltinVerbs
from tests.verbs.fakes import bundle, remote_listing
from tests.verbs.running import open_site

ALLOWED = Config(install=InstallSection(on_demand="allow"))
ANN = Caller(principal="p1", agent="ann", run="r1")


async def test_an_agents_rating_is_committed_when_it_is_answered(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        site.call("c1")
        await BuiltinVerbs(lambda: site.running).rate(Rating(ANN, "c1", 0.5, "so so"))
        assert site.running.ledger_sink.pending == 0
        row = await site.shop.parts.ledger.call("c1")
    assert row is not None
    assert [(reward["value"], reward["provenance"]) for reward in row["rewards"]] == [(0.5, "agent ann: so so")]


@pytest.mark.parametrize("other", [Caller("p1", "bob", "r1"), Caller("p2", "ann", "r1")])
async def test_nobody_rates_another_agents_call(tmp_path: Path, other: Caller) -> None:
    async with open_site(tmp_path) as site:
        site.call("c1")
        with pytest.raises(RefusedByPolicy, match="another agent"):
            await BuiltinVerbs(lambda: site.running).rate(Rating(other, "c1", 1.0))
        assert not any(isinstance(fact, Rewarded) for fact in site.published)


async def test_a_call_that_is_not_recorded_cannot_be_rated(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        with pytest.raises(NotFound):
            await BuiltinVerbs(lambda: site.running).rate(Rating(ANN, "c9", 1.0))


async def test_a_server_that_an_agent_asks_for_is_installed_in_its_name(tmp_path: Path) -> None:
    async with open_site(tmp_path, config=ALLOWED) as site:
        source = FixedSource("registry", [remote_listing("acme/far", source=Source.REGISTRY)])
        finder = Finder([source], Catalogue(site.shop.parts.db), site.shop.clock)
        running = replace(site.running, parts=replace(site.shop.parts, finder=finder))
        said = await BuiltinVerbs(lambda: running).install_server("registry:acme/far", ANN)
        (kept,) = await site.shop.parts.installed.all()
    assert kept.spec.origin is Origin.AGENT
    assert "far is installed (registry:acme/far) and offers 3 tools" in said


async def test_a_wish_that_needs_consent_is_passed_to_a_person(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        with pytest.raises(RefusedByPolicy) as caught:
            await BuiltinVerbs(lambda: site.running).install_server("acme/far", ANN)
        assert "mcp-gateway install acme/far" in caught.value.fix
        assert await site.shop.parts.installed.all() == []
        assert await site.shop.parts.requests.list() == []


async def test_where_people_are_asked_the_agent_hears_the_requests_number(tmp_path: Path) -> None:
    async with open_site(tmp_path, config=Config(install=InstallSection(on_demand="ask"))) as site:
        source = FixedSource("registry", [remote_listing("acme/far", source=Source.REGISTRY)])
        finder = Finder([source], Catalogue(site.shop.parts.db), site.shop.clock)
        running = replace(site.running, parts=replace(site.shop.parts, finder=finder))
        said = await BuiltinVerbs(lambda: running).install_server("registry:acme/far", ANN)
        (request,) = await site.shop.parts.requests.list()
        assert await site.shop.parts.installed.all() == []
    assert request.id in said
    assert (request.agent, request.run, request.state) == ("ann", "r1", "pending")


async def test_an_agent_goes_by_the_rules_for_agents(tmp_path: Path) -> None:
    async with open_site(tmp_path, config=ALLOWED) as site:
        with pytest.raises(RefusedByPolicy):
            await BuiltinVerbs(lambda: site.running).install_server(f"mcpb:{bundle(tmp_path)}", ANN)
