"""From wishes to plans."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.errors import InstallError, NotFound, RefusedByPolicy, UsageError
from gateway.install.planning.blueprint import BundleSource, InstallPlan, PackageSource, RemoteSource
from gateway.install.planning.plan import make_plan
from gateway.install.planning.references import parse_reference
from gateway.install.planning.rules import Rules
from gateway.install.planning.settings import SettingsError
from gateway.listing import BundleConnection, InputSpec, Listing, PackageConnection, RemoteConnection
from gateway.model import Origin, Source
from tests.install.values import BARE, MACHINE, NOW, RULES, listing

WEATHER = listing(
    PackageConnection(
        "npm",
        "@acme/weather",
        "1.2.0",
        package_arguments=(InputSpec("city", kind="positional", required=True),),
        environment=(InputSpec("ACME_KEY", required=True, secret=True),),
    ),
    version="1.2.0",
    description="Forecasts",
)


def plan(target: Listing | str, settings: dict[str, Any] | None = None, **more: Any) -> InstallPlan:
    found = parse_reference(target) if isinstance(target, str) else target
    wish: dict[str, Any] = {"name": "thing", "machine": MACHINE, "rules": RULES, "now": NOW} | more
    return make_plan(found, settings=settings or {}, **wish)


def test_a_listed_npm_package_becomes_arguments_environment_and_exact_command_lines() -> None:
    found = plan(WEATHER, {"city": "Rome"}, secret_keys=["ACME_KEY"])
    assert found.source == PackageSource("npm", "@acme/weather", "1.2.0")
    assert found.arguments == ("Rome",)
    assert found.environment == {"ACME_KEY": "${secret:ACME_KEY}"}
    assert [step["step"] for step in found.steps] == ["versions", "lock", "install"]
    assert found.steps[2]["command"] == [
        "/usr/bin/npm",
        "ci",
        "--json",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--omit=dev",
        "--allow-git=none",
        "--allow-remote=none",
        "--allow-file=none",
        "--allow-directory=none",
        "--git=/dev/null/no-git-dependencies",
    ]
    assert (found.from_, found.version, found.description) == ("registry:io.github.acme/thing", "1.2.0", "Forecasts")


def test_a_secret_value_given_as_a_setting_is_moved_and_shown_nowhere() -> None:
    found = plan(WEATHER, {"city": "Rome", "ACME_KEY": "canary-value"})
    assert found.given_secrets == {"ACME_KEY": "canary-value"}
    assert found.secret_keys == ("ACME_KEY",)
    assert "canary-value" not in json.dumps(found.to_json()) + repr(found)


def test_secrets_given_as_such_are_shown_by_name_only() -> None:
    found = plan(WEATHER, {"city": "Rome"}, secrets={"ACME_KEY": "canary-value"})
    assert found.to_json()["secrets"] == ["ACME_KEY"]
    assert "canary-value" not in json.dumps(found.to_json()) + repr(found)


def test_missing_values_are_asked_for_all_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        plan(WEATHER)
    assert (caught.value.missing, caught.value.missing_secrets) == (("city",), ("ACME_KEY",))


def test_a_pypi_reference_takes_values_as_environment_variables() -> None:
    found = plan("pypi:acme-x[cli]==1.0", {"UNITS": "si"}, secret_keys=["TOKEN"], args=["--x"])
    assert found.source == PackageSource("pypi", "acme-x", "1.0", ("cli",))
    assert found.environment == {"UNITS": "si", "TOKEN": "${secret:TOKEN}"}
    assert found.arguments == ("--x",)
    assert found.launch["argv"][0] == "${content}/venv/bin/python"


def test_the_cooldown_of_the_plan_is_counted_from_now() -> None:
    assert plan("npm:x", rules=Rules(cooldown_days=1)).before == "2027-01-14T08:00:00Z"
    assert plan("npm:x", rules=Rules(allow_fresh=True)).before is None


@pytest.mark.parametrize("key", ["LD_PRELOAD", "NODE_OPTIONS", "PATH", "a b"])
def test_a_dangerous_variable_is_refused_even_for_a_package_named_by_hand(key: str) -> None:
    with pytest.raises(SettingsError, match="refused"):
        plan("npm:x", {key: "1"})


@pytest.mark.parametrize("name", ["", "Thing", "gateway", "a_b", "-a", "a" * 25, "../x", "a\n"])
def test_a_name_that_cannot_be_a_servers_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a server"):
        plan("npm:x", name=name)


@pytest.mark.parametrize("text", ["smithery:acme/echo", "registry:io.github.a/b", "acme/echo"])
def test_a_reference_to_a_registry_must_be_looked_up_first(text: str) -> None:
    with pytest.raises(NotFound, match="looked up"):
        plan(text)


def test_a_starter_reference_needs_no_lookup() -> None:
    assert plan("starter:time").source == PackageSource("pypi", "mcp-server-time", "2026.10.19")


def test_a_machine_without_node_is_told_before_anything_is_fetched() -> None:
    with pytest.raises(InstallError, match="needs Node") as caught:
        plan("npm:x", machine=BARE)
    assert caught.value.step == "check"


@pytest.mark.parametrize("pattern", ["npm:@acme/*", "npm:@acme/weather@1.2.0", "io.github.acme/*", "registry:*"])
def test_deny_reaches_the_listing_and_the_package_behind_it(pattern: str) -> None:
    with pytest.raises(RefusedByPolicy, match="denied"):
        plan(WEATHER, {"city": "Rome"}, secret_keys=["ACME_KEY"], rules=Rules(deny=(pattern,)))


def bundle(**more: Any) -> BundleConnection:
    return BundleConnection(url="https://x.example/b.mcpb", runtime="node", **more)


def test_a_listed_bundle_is_fetched_with_the_registrys_token_and_its_launch_is_the_manifests() -> None:
    found = plan(listing(bundle(authorize=True, sha256="a" * 64), source=Source.SMITHERY, name="acme/echo"))
    assert found.source == BundleSource(url="https://x.example/b.mcpb", authorize=True, sha256="a" * 64)
    assert found.to_json()["launch"]["decided_by"] == "the bundle's manifest.json"
    assert "does not say when" in found.warnings[0]


def test_a_bundles_schema_is_checked_before_it_is_fetched() -> None:
    schema = {"required": ["city"], "properties": {"city": {"type": "string"}, "units": {"default": "si"}}}
    target = listing(bundle(config_schema=schema), source=Source.SMITHERY)
    with pytest.raises(SettingsError, match="'city' is required"):
        plan(target)
    assert plan(target, {"city": "Rome"}).settings == {"city": "Rome", "units": "si"}


def test_a_fresh_bundle_of_the_official_registry_waits_for_its_cooldown() -> None:
    fresh = listing(bundle(), updated_at="2027-01-14T08:00:00Z")
    with pytest.raises(RefusedByPolicy, match=r"1\.0 days ago"):
        plan(fresh)
    assert "waived" in plan(fresh, rules=Rules(allow_fresh=True)).warnings[0]


def test_a_bundle_file_is_for_people_only() -> None:
    assert plan("mcpb:/tmp/b.mcpb").source == BundleSource(path="/tmp/b.mcpb")
    with pytest.raises(RefusedByPolicy):
        plan("mcpb:/tmp/b.mcpb", origin=Origin.AGENT)


def test_a_plain_http_bundle_is_refused_unless_its_origin_is_trusted() -> None:
    with pytest.raises(RefusedByPolicy, match="only https"):
        plan("mcpb:http://127.0.0.1:9/b.mcpb")
    assert plan("mcpb:http://127.0.0.1:9/b.mcpb", rules=Rules(trusted_origins=("http://127.0.0.1:9",)))


def test_a_remote_server_needs_no_steps() -> None:
    found = plan(listing(RemoteConnection("https://x.example/mcp")))
    assert isinstance(found.source, RemoteSource)
    assert (found.steps, found.launch) == ((), {"url": "https://x.example/mcp", "headers": {}})


def test_a_remote_server_at_an_odd_address_is_refused() -> None:
    with pytest.raises(RefusedByPolicy, match="only https"):
        plan(listing(RemoteConnection("http://169.254.169.254/mcp")))


def test_a_container_without_docker_is_refused_with_the_reason() -> None:
    with pytest.raises(InstallError, match="needs Docker, which is not installed"):
        plan(listing(PackageConnection("oci", "ghcr.io/acme/x:1")))


def test_a_value_that_is_plainly_a_secret_is_kept_as_one_for_packages_that_declare_nothing() -> None:
    found = plan("npm:thing@1.0.0", settings={"GITHUB_TOKEN": "canary", "UNITS": "si"})
    assert dict(found.environment) == {"GITHUB_TOKEN": "${secret:GITHUB_TOKEN}", "UNITS": "si"}
    assert (dict(found.settings), found.secret_keys) == ({"UNITS": "si"}, ("GITHUB_TOKEN",))
    assert dict(found.given_secrets) == {"GITHUB_TOKEN": "canary"}
    assert "canary" not in str(found.to_json())
