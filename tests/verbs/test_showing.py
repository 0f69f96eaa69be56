"""What runs, as a configuration that can be pasted."""

from __future__ import annotations

import hashlib
from pathlib import Path

from gateway.config import Config, load_config
from gateway.config.registries import SmitherySection
from gateway.config.server import ServerSection
from gateway.model import Origin, ServerName, Source
from gateway.verbs.installing import install
from gateway.verbs.planning import Ask
from gateway.verbs.showing import config_show
from tests.verbs.fakes import bundle, open_shop, remote_listing, spelled

CONFIG = Config(
    server=(ServerSection(name="own", command=("own-server", "--fast"), env={"A": "1"}),),
    smithery=SmitherySection(api_key="canary-key"),
)


async def test_the_shown_configuration_reads_back_and_names_every_server(tmp_path: Path) -> None:
    async with open_shop(tmp_path, config=CONFIG) as shop:
        ask = Ask(f"mcpb:{bundle(tmp_path, wants_key=True)}", secrets={"apiKey": "canary-secret"})
        await install(shop.parts, ask)
        shown = await config_show(shop.parts)
    config = load_config(shown["toml"])
    assert [(server.name, server.from_, server.secrets) for server in config.server] == [
        ("echo", f"mcpb:{tmp_path}/echo.mcpb", ("apiKey",)),
        ("own", "", ()),
    ]
    assert config.server[1] == CONFIG.server[0]
    assert "canary" not in spelled(shown)
    assert shown["file"] == str(tmp_path / "config.toml")


async def test_pasting_the_shown_configuration_asks_for_no_new_install(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        await install(shop.parts, Ask(f"mcpb:{bundle(tmp_path)}", "mine"))
        before = await shop.wanted()
        shop.config = load_config((await config_show(shop.parts))["toml"])
        after = await shop.wanted()
    assert before == after


async def test_a_block_of_the_file_is_shown_as_it_stands_there(tmp_path: Path) -> None:
    section = ServerSection(name="echo", from_=f"mcpb:{tmp_path}/echo.mcpb", required=True)
    async with open_shop(tmp_path, config=Config(server=(section,))) as shop:
        await install(shop.parts, Ask(f"mcpb:{bundle(tmp_path)}", origin=Origin.CONFIG))
        shown = await config_show(shop.parts)
    assert load_config(shown["toml"]).server == (section,)


async def test_a_bundle_is_shown_with_its_hash_and_its_tools_with_their_pins(tmp_path: Path) -> None:
    file = bundle(tmp_path)
    async with open_shop(tmp_path) as shop:
        await install(shop.parts, Ask(f"mcpb:{file}"))
        await shop.parts.definitions.pin(ServerName("echo"), {"say": ("ab" * 32, "{}")})
        (section,) = load_config((await config_show(shop.parts))["toml"]).server
    assert section.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert section.pins["say"] == "ab" * 32
    assert set(section.pins) == {"say", *shop.try_out.offers} - {""} | {"@server"}


async def test_a_server_of_the_official_registry_is_shown_with_its_version(tmp_path: Path) -> None:
    found = {"registry": [remote_listing("acme/far", source=Source.REGISTRY, version="1.2.0")]}
    async with open_shop(tmp_path, found) as shop:
        await install(shop.parts, Ask("registry:acme/far"))
        (section,) = load_config((await config_show(shop.parts))["toml"]).server
        shop.config = Config(server=(section,))
    assert (section.from_, section.sha256) == ("registry:acme/far@1.2.0", "")
