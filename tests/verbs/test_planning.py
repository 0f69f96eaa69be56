from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import Config
from gateway.config.install import InstallSection
from gateway.config.registries import SmitherySection
from gateway.errors import NotFound, RefusedByPolicy, UsageError
from gateway.install.planning.blueprint import BundleSource
from gateway.model import Origin, Source
from gateway.verbs.planning import Ask, plan_for, preview_of, rules_of, trusted_origins
from tests.verbs.fakes import bundle, bundle_listing, open_shop, remote_listing

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


async def test_a_bundle_is_held_to_the_content_that_was_written_down(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        plan = await plan_for(shop.parts, Ask(f"mcpb:{bundle(tmp_path)}", sha256="ab" * 32))
        assert isinstance(plan.source, BundleSource)
        assert plan.source.sha256 == "ab" * 32
        promised = Ask(f"mcpb:{bundle(tmp_path)}#sha256={'cd' * 32}", sha256="ab" * 32)
        with pytest.raises(RefusedByPolicy, match="another content"):
            await plan_for(shop.parts, promised)


async def test_a_package_has_no_content_hash_to_be_held_to(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        with pytest.raises(UsageError, match="is no bundle"):
            await plan_for(shop.parts, Ask("pypi:mcp-server-time==1.0.0", sha256="ab" * 32))


GENUINE = bundle_listing("acme/weather", use_count=50_000)
LOOKALIKE = bundle_listing("acne/weather", verified=False, use_count=2)


async def test_a_person_is_warned_of_a_lookalike(tmp_path: Path) -> None:
    async with open_shop(tmp_path, {"smithery": [GENUINE, LOOKALIKE]}) as shop:
        await plan_for(shop.parts, Ask("acme/weather"))
        plan = await plan_for(shop.parts, Ask("acne/weather"))
    assert any("acme/weather, which is far better known" in warning for warning in plan.warnings)


@pytest.mark.parametrize("origin", [Origin.AGENT, Origin.DISCOVER])
async def test_nobody_but_a_person_may_install_a_lookalike(tmp_path: Path, origin: Origin) -> None:
    async with open_shop(tmp_path, {"smithery": [GENUINE, LOOKALIKE]}) as shop:
        assert (await plan_for(shop.parts, Ask("acme/weather", origin=origin))).from_ == "smithery:acme/weather"
        with pytest.raises(RefusedByPolicy, match="may not be what it seems") as caught:
            await plan_for(shop.parts, Ask("acne/weather", origin=origin))
    assert caught.value.fix.endswith("mcp-gateway install smithery:acne/weather")
