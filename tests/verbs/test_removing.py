"""What goes, and what stays, when a server is removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import Config
from gateway.config.server import ServerSection
from gateway.errors import GatewayError, NotFound, StoreError, UsageError
from gateway.model import Origin, ServerName
from gateway.verbs.installing import install
from gateway.verbs.planning import Ask
from gateway.verbs.removing import remove
from tests.verbs.fakes import bundle, in_use, open_shop

ECHO = ServerName("echo")
SECRET = "canary-7f3a"


async def test_a_removed_server_takes_its_pins_secrets_and_files_along(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        ask = Ask(f"mcpb:{bundle(tmp_path, wants_key=True)}", secrets={"apiKey": SECRET})
        await install(shop.parts, ask)
        await shop.parts.definitions.pin(ECHO, {"say": ("hash", "{}")})
        done = await remove(shop.parts, "echo")
        assert await shop.parts.installed.all() == []
        assert await shop.parts.definitions.pins(ECHO) == {}
        assert shop.parts.secrets.list() == {}
        assert in_use(shop) is None
        assert list((shop.root / "content").iterdir()) == []
    assert (done["removed"], done["data_kept"]) == ("echo", None)
    assert done["freed_bytes"] > 0
    assert shop.changed == 2


async def test_a_server_of_the_configuration_is_not_removed_but_told_where_it_stands(tmp_path: Path) -> None:
    reference = f"mcpb:{bundle(tmp_path)}"
    config = Config(server=(ServerSection(name="echo", from_=reference),))
    async with open_shop(tmp_path, config=config) as shop:
        await install(shop.parts, Ask(reference, origin=Origin.CONFIG))
        with pytest.raises(UsageError, match="would come back") as caught:
            await remove(shop.parts, "echo")
        assert len(await shop.parts.installed.all()) == 1
    assert str(tmp_path / "config.toml") in caught.value.fix


async def test_a_server_whose_block_is_gone_is_no_longer_wanted_and_can_be_removed(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        await install(shop.parts, Ask(f"mcpb:{bundle(tmp_path)}", origin=Origin.CONFIG))
        assert await shop.parts.wanted() == []
        assert (await remove(shop.parts, "echo"))["removed"] == "echo"


@pytest.mark.parametrize("data", [True, False])
async def test_its_data_stays_unless_it_shall_go_and_that_is_said(tmp_path: Path, data: bool) -> None:
    async with open_shop(tmp_path) as shop:
        await install(shop.parts, Ask(f"mcpb:{bundle(tmp_path)}"))
        notes = shop.root / "data/echo/notes"
        notes.write_text("mine")
        done = await remove(shop.parts, "echo", data=data)
        assert notes.exists() is not data
    assert done["data_kept"] == (None if data else str(notes.parent))


async def test_content_that_another_server_uses_stays(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        await install(shop.parts, Ask(f"mcpb:{bundle(tmp_path)}"))
        await install(shop.parts, Ask(f"mcpb:{bundle(tmp_path)}", alias="second"))
        assert (await remove(shop.parts, "echo"))["freed_bytes"] == 0
        assert (shop.root / "content" / str(in_use(shop, "second"))).is_dir()


async def test_a_server_that_is_just_being_changed_is_not_removed(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        await install(shop.parts, Ask(f"mcpb:{bundle(tmp_path)}"))
        async with shop.parts.installer.working(ECHO):
            with pytest.raises(GatewayError, match="just now") as caught:
                await remove(shop.parts, "echo")
        assert len(await shop.parts.installed.all()) == 1
    assert caught.value.code == "busy"


async def test_a_server_whose_row_is_damaged_can_be_removed(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        await install(shop.parts, Ask(f"mcpb:{bundle(tmp_path)}"))
        await shop.parts.db.execute("UPDATE installed SET body = ? WHERE name = 'echo'", (b"{}",))
        with pytest.raises(StoreError):
            await shop.parts.installed.get(ECHO)
        assert (await remove(shop.parts, "echo"))["freed_bytes"] > 0
        assert await shop.parts.installed.names() == frozenset()


async def test_only_what_is_installed_can_be_removed(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        with pytest.raises(NotFound, match="nowhere"):
            await remove(shop.parts, "nowhere")
