from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import Config
from gateway.config.install import InstallSection
from gateway.config.registries import SmitherySection
from gateway.errors import NotFound, RefusedByPolicy, UsageError
from gateway.model import Source
from gateway.verbs.planning import Ask, plan_for, preview_of, rules_of, trusted_origins
from tests.verbs.fakes import bundle_listing, open_shop, remote_listing

SCHEMA = {
    "type": "object",
    "required": ["apiKey", "city"],
    "properties": {"apiKey": {"type": "string"}, "city": {"type": "string"}},
}


def test_the_rules_are_those_of_the_install_section() -> None:
    config = Config(install=InstallSection(allow=("npm:*",), deny=("npm:bad",), cooldown_days=3))
    rules = rules_of(config, allow_fresh=True)
    assert (rules.allow, rules.deny, rules.cooldown_days, rules.allow_fresh) == (("npm:*",), ("npm:bad",), 3, True)


def test_the_registries_own_addresses_are_trusted() -> None:
    config = Config(
        smithery=SmitherySection(base_url="http://127.0.0.1:1", connect_url="http://127.0.0.1:2"),
        install=InstallSection(trusted_origins=("https://own.example",)),
    )
    assert {"http://127.0.0.1:1", "http://127.0.0.1:2", "https://own.example"} <= set(trusted_origins(config))


async def test_a_bare_name_is_looked_up_in_every_source(tmp_path: Path) -> None:
    sources = {"starter": [], "smithery": [bundle_listing()]}
    async with open_shop(tmp_path, sources) as shop:
        plan = await plan_for(shop.parts, Ask("acme/echo"))
    assert (plan.name, plan.from_) == ("echo", "smithery:acme/echo")


async def test_a_reference_with_a_source_is_looked_up_there_only(tmp_path: Path) -> None:
    sources = {"registry": [remote_listing("acme/echo", source=Source.REGISTRY)], "smithery": [bundle_listing()]}
    async with open_shop(tmp_path, sources) as shop:
        assert (await plan_for(shop.parts, Ask("smithery:acme/echo"))).from_ == "smithery:acme/echo"
        assert (await plan_for(shop.parts, Ask("registry:acme/echo"))).from_ == "registry:acme/echo"


async def test_a_package_needs_no_registry_of_servers(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        plan = await plan_for(shop.parts, Ask("npm:@acme/weather@1.2.3", settings={"CITY": "Bern"}, args=("--fast",)))
    assert (plan.name, plan.version, plan.environment) == ("weather", "1.2.3", {"CITY": "Bern"})
    assert plan.arguments == ("--fast",)


async def test_a_name_that_nobody_knows_names_the_nearest(tmp_path: Path) -> None:
    async with open_shop(tmp_path, {"smithery": [bundle_listing()]}) as shop:
        await shop.parts.finder.search("echo")
        with pytest.raises(NotFound) as caught:
            await plan_for(shop.parts, Ask("acme/ecko"))
    assert "acme/echo" in caught.value.fix


async def test_a_version_that_the_registry_does_not_offer_is_not_exchanged_for_another(tmp_path: Path) -> None:
    listed = remote_listing("acme/echo", source=Source.REGISTRY, version="2.0.0")
    async with open_shop(tmp_path, {"registry": [listed]}) as shop:
        assert (await plan_for(shop.parts, Ask("registry:acme/echo@2.0.0"))).version == "2.0.0"
        with pytest.raises(NotFound, match=r"2\.0\.0.*1\.0\.0"):
            await plan_for(shop.parts, Ask("registry:acme/echo@1.0.0"))


async def test_missing_values_are_all_named(tmp_path: Path) -> None:
    async with open_shop(tmp_path, {"smithery": [bundle_listing(schema=SCHEMA)]}) as shop:
        with pytest.raises(UsageError) as caught:
            await plan_for(shop.parts, Ask("acme/echo"))
    assert "apiKey" in caught.value.message + caught.value.fix
    assert "city" in caught.value.message + caught.value.fix


async def test_a_preview_takes_what_is_missing_as_given(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        plan = await preview_of(shop.parts, bundle_listing(schema=SCHEMA))
    assert plan.settings["city"] == "<city>"
    assert "apiKey" in plan.secret_keys


async def test_a_preview_does_not_get_round_the_rules(tmp_path: Path) -> None:
    async with open_shop(tmp_path, config=Config(install=InstallSection(deny=("acme/*",)))) as shop:
        with pytest.raises(RefusedByPolicy):
            await preview_of(shop.parts, bundle_listing())


def test_an_ask_does_not_tell_its_secrets() -> None:
    assert "canary" not in repr(Ask("acme/echo", secrets={"apiKey": "canary"}))
