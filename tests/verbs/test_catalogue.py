from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.config import Config
from gateway.config.install import InstallSection
from gateway.config.server import ServerSection
from gateway.discovery.finder import Finder
from gateway.errors import NotFound
from gateway.listing import ListedTool, Listing, PackageConnection
from gateway.model import ServerName, Source
from gateway.store.catalogue import Catalogue
from gateway.verbs.catalogue import list_servers, look_up, search, show
from gateway.verbs.installing import install
from gateway.verbs.planning import Ask
from tests.verbs.fakes import DownSource, bundle, bundle_listing, bundle_url, open_shop, remote_listing

SCHEMA = {"type": "object", "required": ["apiKey"], "properties": {"apiKey": {"type": "string"}}}


async def test_a_search_tells_what_is_installed_and_what_can_run_here(tmp_path: Path) -> None:
    listings = [bundle_listing(), bundle_listing("other/echo")]
    async with open_shop(tmp_path, {"smithery": listings}) as shop:
        shop.fetch.shelf[bundle_url("acme/echo")] = bundle(tmp_path).read_bytes()
        await install(shop.parts, Ask("acme/echo"))
        found = await search(shop.parts, "echo")
    rows = {item["name"]: (item["installed"], item["compatible"]) for item in found["items"]}
    assert rows == {"acme/echo": (True, True), "other/echo": (False, True)}
    assert found["sources"] == [
        {"name": "smithery", "state": "ok", "age_s": 0.0, "message": "", "who": None, "drift": []}
    ]
    assert json.loads(json.dumps(found)) == found


async def test_a_search_can_be_held_to_one_source_and_cut(tmp_path: Path) -> None:
    sources = {
        "smithery": [bundle_listing(), bundle_listing("other/echo")],
        "registry": [remote_listing("far/echo", source=Source.REGISTRY)],
    }
    async with open_shop(tmp_path, sources) as shop:
        found = await search(shop.parts, "echo", source="smithery", limit=1)
    assert [item["source"] for item in found["items"]] == ["smithery"]
    assert [state["name"] for state in found["sources"]] == ["smithery"]


async def test_showing_a_listing_tells_everything_that_an_install_would_do(tmp_path: Path) -> None:
    listing = bundle_listing(schema=SCHEMA, tools=(ListedTool("echo", "Says it back"),), scan_passed=True)
    async with open_shop(tmp_path, {"smithery": [listing]}) as shop:
        shown = await show(shop.parts, "acme/echo")
    assert shown["config_schema"] == SCHEMA
    assert shown["tools"] == [{"name": "echo", "description": "Says it back"}]
    assert (shown["scan_passed"], shown["compatible"]) == (True, True)
    assert [step["step"] for step in shown["command"]] == ["fetch", "unpack", "run"]
    assert shown["connections"][0]["type"] == "bundle"
    assert json.loads(json.dumps(shown)) == shown


async def test_showing_what_may_not_be_installed_warns_instead_of_failing(tmp_path: Path) -> None:
    config = Config(install=InstallSection(deny=("acme/*",)))
    async with open_shop(tmp_path, {"smithery": [bundle_listing()]}, config) as shop:
        shown = await show(shop.parts, "acme/echo")
    assert shown["command"] == []
    assert "denied" in shown["warnings"][0]


async def test_showing_a_package_listing_names_its_exact_commands(tmp_path: Path) -> None:
    npm = Listing(source=Source.REGISTRY, name="a/thing", connections=(PackageConnection("npm", "thing", "1.0.0"),))
    async with open_shop(tmp_path, {"registry": [npm]}) as shop:
        shown = await show(shop.parts, "registry:a/thing")
    assert any("--ignore-scripts" in step.get("command", ()) for step in shown["command"])


async def test_a_listing_that_is_remembered_is_shown_while_its_registry_is_down(tmp_path: Path) -> None:
    async with open_shop(tmp_path, {"smithery": [bundle_listing()]}) as shop:
        await show(shop.parts, "acme/echo")
        down = Finder([DownSource()], Catalogue(shop.parts.db), shop.clock)
        shown = await show(replace(shop.parts, finder=down), "acme/echo")
    assert shown["name"] == "acme/echo"
    assert shown["registries"][0]["state"] == "stale"


async def test_a_package_is_no_listing(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        with pytest.raises(NotFound) as caught:
            await look_up(shop.parts, "npm:thing@1.0.0")
    assert "--dry-run" in caught.value.fix


async def test_the_list_is_the_union_of_the_file_and_what_is_installed(tmp_path: Path) -> None:
    config = Config(server=(ServerSection(name="own", command=("own-server",)),))
    async with open_shop(tmp_path, config=config) as shop:
        await install(shop.parts, Ask(f"mcpb:{bundle(tmp_path)}"))
        await shop.parts.definitions.pin(ServerName("echo"), {"say": ("hash", "{}")})
        rows = (await list_servers(shop.parts))["servers"]
    assert [(row["name"], row["origin"], row["pinned_tools"]) for row in rows] == [
        ("echo", "cli", 4),
        ("own", "config", 0),
    ]
    assert rows[0]["sha256"] is not None


async def test_a_search_tells_all_origins_and_warns_of_lookalikes(tmp_path: Path) -> None:
    sources = {
        "smithery": [bundle_listing("acme/weather", use_count=50_000, version="1.0"), bundle_listing("acne/weather")],
        "registry": [remote_listing("io.github.acme/weather", source=Source.REGISTRY)],
    }
    async with open_shop(tmp_path, sources) as shop:
        await shop.parts.finder.show("acme/weather")
        await shop.parts.finder.show("io.github.acme/weather")
        found = (await search(shop.parts, "weather"))["items"]
        shown = await show(shop.parts, "smithery:acne/weather")
        genuine = await show(shop.parts, "smithery:acme/weather")
    assert found[0]["origins"] == [
        {"source": "smithery", "name": "acme/weather", "version": "1.0", "status": "active"},
        {"source": "registry", "name": "io.github.acme/weather", "version": None, "status": "active"},
    ]
    assert [(item["name"], bool(item["warnings"])) for item in found] == [
        ("acme/weather", False),
        ("acne/weather", True),
    ]
    assert found[1]["warnings"][0] in found[1]["why"]
    assert found[1]["warnings"][0] in shown["warnings"]
    assert (genuine["sources"], genuine["origins"]) == (["smithery", "registry"], found[0]["origins"])


async def test_a_search_puts_what_cannot_run_here_lower_and_says_why(tmp_path: Path) -> None:
    cannot = Listing(source=Source.SMITHERY, name="a/echo", connections=(PackageConnection("cargo", "echo", "1"),))
    async with open_shop(tmp_path, {"smithery": [cannot, bundle_listing("b/echo", verified=False)]}) as shop:
        found = (await search(shop.parts, "echo"))["items"]
    assert [(item["name"], item["compatible"]) for item in found] == [("b/echo", True), ("a/echo", False)]
    assert any(reason.startswith("does not run here: ") for reason in found[1]["why"])


async def test_an_offline_search_filters_and_proposes_names(tmp_path: Path) -> None:
    async with open_shop(tmp_path, {"smithery": [bundle_listing(), remote_listing("far/echo")]}) as shop:
        found = await search(shop.parts, "echo", offline=True, remote=True, verified=True, namespace="far")
        nothing = await search(shop.parts, "ekho", offline=True)
    assert [item["name"] for item in found["items"]] == ["far/echo"]
    assert (nothing["items"], nothing["nearest"]) == ([], ["acme/echo", "far/echo"])
