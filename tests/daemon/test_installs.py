"""What is installed without being asked for each time: starter, configuration, discover rules."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from gateway.config import Config, load_config
from gateway.config.registries import DiscoverRule
from gateway.config.server import ServerSection
from gateway.daemon.downtime import Downtime
from gateway.daemon.installs import RETRY_S, Installs, build_installs, retry_after_s, values_digest
from gateway.discovery.finder import Finder
from gateway.install.planning.starter import STARTER
from gateway.listing import Listing
from gateway.model import Origin, ServerName, Source
from gateway.store.catalogue import Catalogue
from gateway.verbs.installing import install
from gateway.verbs.parts import Parts
from gateway.verbs.planning import Ask
from gateway.verbs.removing import remove
from gateway.verbs.showing import config_show
from tests.verbs.fakes import DownSource, Shop, bundle, bundle_listing, bundle_url, open_shop, remote_listing

STARTERS = [remote_listing(listing.name, source=Source.STARTER) for listing in STARTER]
NAMES = sorted(listing.name for listing in STARTER)


@asynccontextmanager
async def open_installs(
    folder: Path, *, found: Sequence[Listing] = (), config: Config | None = None, seeds: bool = False
) -> AsyncIterator[tuple[Shop, Installs, list[tuple[str, dict[str, Any]]]]]:
    """A shop and its installer's task; what it tells is kept."""
    async with open_shop(folder, {"starter": STARTERS, "smithery": found}, config) as shop:
        yield shop, *make_installs(shop, seeds=seeds)


def make_installs(
    shop: Shop, parts: Parts | None = None, *, seeds: bool = False
) -> tuple[Installs, list[tuple[str, dict[str, Any]]]]:
    """As at a (re)start of the daemon."""
    told: list[tuple[str, dict[str, Any]]] = []
    installs = build_installs(
        parts or shop.parts,
        shop.root,
        Downtime(),
        seeds_starter=seeds,
        tell=lambda name, step: told.append((name, step)),
    )
    return installs, told


async def names(shop: Shop) -> list[str]:
    return [str(server.spec.name) for server in await shop.parts.installed.all()]


def weather(**changes: Any) -> Config:
    return Config(discover=(DiscoverRule("weather", **changes),))


async def test_with_nothing_configured_the_starter_is_installed(tmp_path: Path) -> None:
    async with open_installs(tmp_path, seeds=True) as (shop, installs, told):
        assert await installs.round()
        assert await names(shop) == NAMES
        origins = {server.spec.origin for server in await shop.parts.installed.all()}
    assert origins == {Origin.STARTER}
    assert {name for name, _ in told} == set(NAMES)


async def test_with_a_configuration_no_starter_comes(tmp_path: Path) -> None:
    async with open_installs(tmp_path) as (shop, installs, _):
        assert await installs.round()
        assert await names(shop) == []


async def test_a_starter_that_the_person_removed_does_not_come_back(tmp_path: Path) -> None:
    async with open_installs(tmp_path, seeds=True) as (shop, installs, _):
        await installs.round()
        await remove(shop.parts, NAMES[0])
        restarted, _ = make_installs(shop, seeds=True)
        assert await restarted.round()
        assert await names(shop) == NAMES[1:]


async def test_a_starter_that_failed_is_told_and_tried_again(tmp_path: Path) -> None:
    async with open_installs(tmp_path, seeds=True) as (shop, installs, told):
        shop.try_out.broken.add(NAMES[0])
        assert not await installs.round()
        assert await names(shop) == NAMES[1:]
        assert [step["step"] for name, step in told if name == NAMES[0]][-1] == "failed"
        shop.try_out.broken.clear()
        assert await installs.round()
        assert await names(shop) == NAMES


async def test_a_block_that_asks_for_a_package_gets_it_under_its_name(tmp_path: Path) -> None:
    section = ServerSection(name="mine", from_=f"mcpb:{bundle(tmp_path, wants_key=True)}", secrets=("apiKey",))
    async with open_installs(tmp_path, config=Config(server=(section,))) as (shop, installs, _):
        assert await installs.round()
        kept = await shop.parts.installed.get(ServerName("mine"))
        count = len(shop.try_out.tried)
        assert await installs.round()
    assert kept is not None
    assert (kept.spec.origin, kept.secret_keys) == (Origin.CONFIG, ("apiKey",))
    assert len(shop.try_out.tried) == count == 1


async def test_a_block_that_now_asks_for_something_else_gets_that(tmp_path: Path) -> None:
    async with open_installs(tmp_path, found=[remote_listing("acme/far")]) as (shop, installs, _):
        shop.config = Config(server=(ServerSection(name="mine", from_=f"mcpb:{bundle(tmp_path)}"),))
        assert await installs.round()
        shop.config = Config(server=(ServerSection(name="mine", from_="acme/far"),))
        assert await installs.round()
        (spec,) = await shop.wanted()
    assert (spec.name, spec.from_) == ("mine", "smithery:acme/far")


UNITS = {"type": "object", "properties": {"units": {"type": "string"}}}


async def test_a_block_whose_values_changed_is_installed_with_the_new_ones(tmp_path: Path) -> None:
    async with open_installs(tmp_path, found=[bundle_listing(schema=UNITS)]) as (shop, installs, _):
        shop.fetch.shelf[bundle_url("acme/echo")] = bundle(tmp_path).read_bytes()
        for units in ("si", "us", "us"):
            section = ServerSection(name="mine", from_="acme/echo", config={"units": units})
            shop.config = Config(server=(section,))
            assert await installs.round()
        (kept,) = await shop.parts.installed.all()
    assert kept.settings == {"units": "us"}
    assert len(shop.try_out.tried) == 2


async def test_a_pasted_configuration_installs_nothing_again_until_it_is_changed(tmp_path: Path) -> None:
    async with open_installs(tmp_path, found=[bundle_listing(schema=UNITS)]) as (shop, installs, _):
        shop.fetch.shelf[bundle_url("acme/echo")] = bundle(tmp_path).read_bytes()
        await install(shop.parts, Ask("acme/echo", settings={"units": "si"}))
        shop.config = load_config((await config_show(shop.parts))["toml"])
        assert await installs.round()
        assert len(shop.try_out.tried) == 1
        (section,) = shop.config.server
        shop.config = Config(server=(replace(section, config={"units": "us"}),))
        assert await installs.round()
        (kept,) = await shop.parts.installed.all()
    assert kept.settings == {"units": "us"}


async def test_one_install_that_fails_does_not_hinder_the_others(tmp_path: Path) -> None:
    blocks = (ServerSection(name="bad", from_="acme/nowhere"), ServerSection(name="good", from_="acme/far"))
    async with open_installs(tmp_path, found=[remote_listing("acme/far")], config=Config(server=blocks)) as (
        shop,
        installs,
        told,
    ):
        assert not await installs.round()
        assert await names(shop) == ["good"]
    assert [step["step"] for name, step in told if name == "bad"] == ["failed"]


async def test_a_rule_gets_the_best_servers_for_its_need(tmp_path: Path) -> None:
    found = [remote_listing(f"acme/weather-{letter}") for letter in "abcd"]
    async with open_installs(tmp_path, found=found, config=weather(limit=2)) as (shop, installs, _):
        assert await installs.round()
        assert await names(shop) == ["weather-a", "weather-b"]
        assert {server.spec.origin for server in await shop.parts.installed.all()} == {Origin.DISCOVER}


async def test_a_filled_rule_replaces_nothing_when_better_ones_appear(tmp_path: Path) -> None:
    first = [remote_listing("acme/weather-old", use_count=1)]
    async with open_installs(tmp_path, found=first, config=weather()) as (shop, installs, _):
        await installs.round()
    better = [*first, remote_listing("acme/weather-new", use_count=10**6)]
    async with open_installs(tmp_path, found=better, config=weather()) as (shop, installs, _):
        assert await installs.round()
        assert await names(shop) == ["weather-old"]


async def test_a_rule_fills_the_place_of_a_server_that_was_removed(tmp_path: Path) -> None:
    found = [remote_listing("acme/weather-a", use_count=10**6), remote_listing("acme/weather-b")]
    async with open_installs(tmp_path, found=found, config=weather(deny=("acme/weather-a",))) as (shop, installs, _):
        await installs.round()
        await remove(shop.parts, "weather-b")
        shop.config = weather()
        assert await installs.round()
        assert await names(shop) == ["weather-a"]


async def test_a_rule_skips_what_needs_secrets_and_takes_the_next(tmp_path: Path) -> None:
    found = [
        remote_listing("acme/weather-locked", wants="X-Api-Key", use_count=10**6),
        remote_listing("acme/weather-open"),
    ]
    async with open_installs(tmp_path, found=found, config=weather()) as (shop, installs, _):
        assert await installs.round()
        assert await names(shop) == ["weather-open"]


async def test_a_rule_for_which_there_is_too_little_waits_for_the_next_refresh(tmp_path: Path) -> None:
    found = [remote_listing("acme/weather-a", verified=False)]
    async with open_installs(tmp_path, found=found, config=weather()) as (shop, installs, _):
        assert await installs.round()
        assert await names(shop) == []


async def test_a_rule_is_looked_at_again_soon_while_a_registry_is_down(tmp_path: Path) -> None:
    async with open_installs(tmp_path, config=weather()) as (shop, _, __):
        down = Finder([DownSource()], Catalogue(shop.parts.db), shop.clock)
        installs, _ = make_installs(shop, replace(shop.parts, finder=down))
        assert not await installs.round()
        assert installs.is_behind


async def test_a_store_that_cannot_be_written_is_no_end_but_tried_again(tmp_path: Path) -> None:
    found = [remote_listing("acme/weather-a")]
    async with open_installs(tmp_path, found=found, config=weather()) as (shop, installs, _):
        full = "CREATE TRIGGER full BEFORE INSERT ON installed BEGIN SELECT RAISE(ABORT, 'full'); END"
        await shop.parts.db.execute(full)
        assert not await installs.round()
        await shop.parts.db.execute("DROP TRIGGER full")
        assert await installs.round()
        assert await names(shop) == ["weather-a"]


async def test_a_rule_does_not_install_what_is_here_already(tmp_path: Path) -> None:
    found = [remote_listing("acme/weather-a", use_count=10**6), remote_listing("acme/weather-b")]
    async with open_installs(tmp_path, found=found, config=weather()) as (shop, installs, _):
        await install(shop.parts, Ask("acme/weather-a"))
        assert await installs.round()
        assert await names(shop) == ["weather-a", "weather-b"]


async def test_a_server_that_does_not_start_leaves_the_vacancy_to_the_next(tmp_path: Path) -> None:
    found = [bundle_listing("acme/weather-broken", use_count=10**6), remote_listing("acme/weather-b")]
    async with open_installs(tmp_path, found=found, config=weather()) as (shop, installs, _):
        shop.fetch.shelf[bundle_url("acme/weather-broken")] = bundle(tmp_path).read_bytes()
        shop.try_out.broken.add("weather-broken")
        assert await installs.round()
        assert await names(shop) == ["weather-b"]


async def test_a_changed_configuration_is_looked_at_at_once(tmp_path: Path) -> None:
    async with open_installs(tmp_path, found=[remote_listing("acme/far")]) as (shop, installs, _):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(installs.keep_up)
            await anyio.wait_all_tasks_blocked()
            shop.config = Config(server=(ServerSection(name="far", from_="acme/far"),))
            installs.configuration_changed()
            with anyio.fail_after(5):
                while not await names(shop):
                    await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        assert await names(shop) == ["far"]


def test_what_failed_is_tried_again_soon_and_then_ever_more_rarely() -> None:
    assert [retry_after_s(rounds) for rounds in range(6)] == [20.0, 40.0, 80.0, 160.0, RETRY_S, RETRY_S]
    assert retry_after_s(10_000) == RETRY_S


@pytest.mark.parametrize("broken", [True, False])
async def test_what_is_missing_is_known(tmp_path: Path, broken: bool) -> None:
    async with open_installs(tmp_path, seeds=True) as (shop, installs, _):
        if broken:
            shop.try_out.broken.add(NAMES[0])
        await installs.round()
        assert installs.is_behind is broken


def test_a_block_that_changes_its_way_is_installed_again() -> None:
    direct = Ask("smithery:acme/echo", alias="echo")
    assert values_digest(replace(direct, via="connect")) != values_digest(direct)


async def test_what_is_being_installed_and_what_failed_is_told_until_it_is_here(tmp_path: Path) -> None:
    async with open_installs(tmp_path, seeds=True) as (shop, installs, _):
        shop.try_out.broken.add(NAMES[0])
        await installs.round()
        assert [(row["name"], row["state"]) for row in installs.pending] == [(NAMES[0], "failed")]
        assert installs.pending[0]["fix"]
        shop.try_out.broken.clear()
        await installs.round()
        assert installs.pending == []


async def test_a_server_that_breaks_us_costs_itself_only(tmp_path: Path) -> None:
    async with open_installs(tmp_path, seeds=True) as (shop, installs, _):
        shop.try_out.error = TypeError("unhashable type: 'list'")
        assert not await installs.round()
        assert {row["state"] for row in installs.pending} == {"failed"}
        assert all("the log has it" in row["message"] for row in installs.pending)
        shop.try_out.error = None
        assert await installs.round()
