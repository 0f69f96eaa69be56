"""Coming and going, all or nothing. Bundles are installed for real; nothing is started."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from gateway.config import Config
from gateway.config.install import InstallSection
from gateway.config.server import ServerSection
from gateway.errors import InstallError, NotFound, RefusedByPolicy, UsageError
from gateway.model import Origin, ServerName
from gateway.verbs.installing import _configured_args, install, remove, upgrade
from gateway.verbs.planning import Ask
from tests.verbs.fakes import Shop, bundle, bundle_listing, bundle_url, open_shop, remote_listing, spelled

ECHO = ServerName("echo")
SECRET = "canary-7f3a"


def in_use(shop: Shop, name: str = "echo") -> str | None:
    link = shop.root / "servers" / name
    return link.resolve().name if link.exists() else None


async def put_on_shelf(shop: Shop, folder: Path, version: str, name: str = "acme/echo") -> None:
    shop.fetch.shelf[bundle_url(name)] = bundle(folder, version).read_bytes()


async def test_an_install_registers_the_server_and_waits_until_it_runs(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        done = await install(shop.parts, Ask(f"mcpb:{bundle(tmp_path)}"), progress=shop.told.append)
        kept = await shop.parts.installed.get(ECHO)
    assert kept is not None
    assert (done["name"], done["version"], done["tools"], done["origin"]) == ("echo", "1.0.0", 3, "cli")
    assert (kept.sha256, kept.installed_at, kept.files) == (done["sha256"], shop.clock.wall(), in_use(shop))
    assert shop.changed == 1
    assert shop.try_out.tried == [kept.spec]
    assert [told["step"] for told in shop.told][-1] == "handshake"


async def test_a_dry_run_tells_the_plan_and_changes_nothing(tmp_path: Path) -> None:
    async with open_shop(tmp_path, {"smithery": [bundle_listing()]}) as shop:
        before = shop.files()
        done = await install(shop.parts, Ask("acme/echo", secrets={"apiKey": SECRET}), dry_run=True)
        assert shop.files() == before
        assert await shop.parts.installed.all() == []
    assert [step["step"] for step in done["plan"]["steps"]] == ["fetch", "unpack"]
    assert SECRET not in spelled(done)
    assert (shop.changed, shop.fetch.fetched, shop.try_out.tried) == (0, [], [])


async def test_secrets_go_to_the_secret_store_and_into_no_result(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        ask = Ask(f"mcpb:{bundle(tmp_path, wants_key=True)}", secrets={"apiKey": SECRET})
        done = await install(shop.parts, ask, progress=shop.told.append)
        rows = await shop.parts.db.fetch("SELECT body FROM installed")
        assert dict(shop.parts.secrets.get("echo")) == {"apiKey": SECRET}
    assert SECRET not in spelled([done, shop.told, str(rows), repr(ask)])
    assert done["plan"]["secrets"] == ["apiKey"]


async def test_a_secret_given_as_a_setting_is_treated_as_a_secret(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        ask = Ask(f"mcpb:{bundle(tmp_path, wants_key=True)}", settings={"apiKey": SECRET})
        await install(shop.parts, ask)
        kept = await shop.parts.installed.get(ECHO)
    assert kept is not None
    assert (kept.settings, kept.secret_keys) == ({}, ("apiKey",))


async def test_a_missing_value_is_named_before_anything_is_kept(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        with pytest.raises(UsageError, match="apiKey"):
            await install(shop.parts, Ask(f"mcpb:{bundle(tmp_path, wants_key=True)}"))
        assert await shop.parts.installed.all() == []
        assert in_use(shop) is None


async def test_a_name_that_something_else_has_is_refused_before_anything_is_fetched(tmp_path: Path) -> None:
    async with open_shop(tmp_path, {"smithery": [bundle_listing("other/echo")]}) as shop:
        await install(shop.parts, Ask(f"mcpb:{bundle(tmp_path)}"))
        with pytest.raises(UsageError, match="already") as caught:
            await install(shop.parts, Ask("other/echo"))
    assert "--as" in caught.value.fix
    assert shop.fetch.fetched == []


async def test_another_alias_is_another_server(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        await install(shop.parts, Ask(f"mcpb:{bundle(tmp_path)}"))
        await install(shop.parts, Ask(f"mcpb:{bundle(tmp_path)}", alias="second"))
        assert [server.spec.name for server in await shop.parts.installed.all()] == ["echo", "second"]


async def test_a_name_that_the_configuration_gives_to_a_command_is_refused(tmp_path: Path) -> None:
    config = Config(server=(ServerSection(name="echo", command=("mine",)),))
    async with open_shop(tmp_path, config=config) as shop:
        with pytest.raises(UsageError, match="would win"):
            await install(shop.parts, Ask(f"mcpb:{bundle(tmp_path)}"))


@pytest.mark.parametrize(
    ("earlier", "later"),
    [("npm:@acme/thing@1.0.0", "npm:@acme/thing@1.1.0"), ("pypi:thing==1.0", "pypi:thing"), ("npm:thing", "npm:thing")],
)
async def test_another_version_of_the_same_package_may_take_its_name(tmp_path: Path, earlier: str, later: str) -> None:
    async with open_shop(tmp_path) as shop:
        await install(shop.parts, Ask(f"mcpb:{bundle(tmp_path)}", alias="thing"))
        (kept,) = await shop.parts.installed.all()
        await shop.parts.installed.put(msgspec.structs.replace(kept, from_ref=earlier))
        assert (await install(shop.parts, Ask(later, alias="thing"), dry_run=True))["plan"]["name"] == "thing"


async def test_what_does_not_start_leaves_nothing_behind(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        shop.try_out.broken.add("echo")
        ask = Ask(f"mcpb:{bundle(tmp_path, wants_key=True)}", secrets={"apiKey": SECRET})
        with pytest.raises(InstallError, match="does not start: it ended with status 1") as caught:
            await install(shop.parts, ask)
        assert await shop.parts.installed.all() == []
        assert shop.parts.secrets.list() == {}
        assert in_use(shop) is None
    assert (caught.value.step, shop.changed) == ("handshake", 0)
    assert caught.value.fix


async def test_a_newer_release_that_does_not_start_leaves_the_earlier_one_in_use(tmp_path: Path) -> None:
    async with open_shop(tmp_path, {"smithery": [bundle_listing()]}) as shop:
        await put_on_shelf(shop, tmp_path, "1.0.0")
        await install(shop.parts, Ask("acme/echo"))
        before, files = await shop.parts.installed.all(), in_use(shop)
        await put_on_shelf(shop, tmp_path, "2.0.0")
        shop.try_out.broken.add("echo")
        with pytest.raises(InstallError):
            await install(shop.parts, Ask("acme/echo"))
        assert await shop.parts.installed.all() == before
        assert in_use(shop) == files
        assert shop.changed == 1


async def test_installing_the_same_again_in_vain_does_not_touch_what_runs(tmp_path: Path) -> None:
    async with open_shop(tmp_path, {"smithery": [bundle_listing()]}) as shop:
        for version in ("1.0.0", "2.0.0"):
            await put_on_shelf(shop, tmp_path, version)
            await install(shop.parts, Ask("acme/echo"))
        files = in_use(shop)
        shop.try_out.broken.add("echo")
        with pytest.raises(InstallError):
            await install(shop.parts, Ask("acme/echo"))
        assert in_use(shop) == files


async def test_an_install_in_vain_leaves_the_secrets_as_they_were(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        reference = f"mcpb:{bundle(tmp_path, wants_key=True)}"
        shop.parts.secrets.set("echo", "apiKey", SECRET)
        shop.try_out.broken.add("echo")
        with pytest.raises(InstallError, match="does not start"):
            await install(shop.parts, Ask(reference, secrets={"apiKey": "another"}))
        assert dict(shop.parts.secrets.get("echo")) == {"apiKey": SECRET}


async def test_what_a_rule_denies_is_refused_by_policy(tmp_path: Path) -> None:
    config = Config(install=InstallSection(deny=("smithery:acme/*",)))
    async with open_shop(tmp_path, {"smithery": [bundle_listing()]}, config) as shop:
        with pytest.raises(RefusedByPolicy, match=r"acme/\*"):
            await install(shop.parts, Ask("acme/echo"))
    assert shop.fetch.fetched == []


async def test_agents_cannot_name_files_of_this_machine(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        with pytest.raises(RefusedByPolicy):
            await install(shop.parts, Ask(f"mcpb:{bundle(tmp_path)}", origin=Origin.AGENT))


async def test_an_upgrade_tells_what_was_and_what_is(tmp_path: Path) -> None:
    async with open_shop(tmp_path, {"smithery": [bundle_listing()]}) as shop:
        await put_on_shelf(shop, tmp_path, "1.0.0")
        await install(shop.parts, Ask("acme/echo"))
        await put_on_shelf(shop, tmp_path, "2.0.0")
        done = await upgrade(shop.parts, "echo")
        kept = await shop.parts.installed.get(ECHO)
    assert done["upgraded"] == [{"name": "echo", "before": "1.0.0", "after": "2.0.0"}]
    assert kept is not None
    assert kept.version == "2.0.0"


async def test_an_upgrade_without_anything_newer_says_so(tmp_path: Path) -> None:
    async with open_shop(tmp_path, {"smithery": [bundle_listing()]}) as shop:
        await put_on_shelf(shop, tmp_path, "1.0.0")
        await install(shop.parts, Ask("acme/echo"))
        done = await upgrade(shop.parts)
    assert (done["upgraded"], done["unchanged"]) == ([], [{"name": "echo", "version": "1.0.0"}])


async def test_an_upgrade_keeps_name_origin_settings_and_secrets(tmp_path: Path) -> None:
    async with open_shop(tmp_path, {"smithery": [bundle_listing()]}) as shop:
        shop.fetch.shelf[bundle_url("acme/echo")] = bundle(tmp_path, "1.0.0", wants_key=True).read_bytes()
        await install(shop.parts, Ask("acme/echo", "mine", secrets={"apiKey": SECRET}, origin=Origin.DISCOVER))
        shop.fetch.shelf[bundle_url("acme/echo")] = bundle(tmp_path, "2.0.0", wants_key=True).read_bytes()
        await upgrade(shop.parts)
        (kept,) = await shop.parts.installed.all()
        assert (kept.spec.name, kept.spec.origin, kept.version) == ("mine", Origin.DISCOVER, "2.0.0")
        assert dict(shop.parts.secrets.get("mine")) == {"apiKey": SECRET}


async def test_one_failing_upgrade_of_many_does_not_stop_the_others(tmp_path: Path) -> None:
    listings = [bundle_listing("acme/echo"), bundle_listing("acme/lost")]
    async with open_shop(tmp_path, {"smithery": listings}) as shop:
        for name in ("acme/echo", "acme/lost"):
            await put_on_shelf(shop, tmp_path, "1.0.0", name)
            await install(shop.parts, Ask(name))
        await put_on_shelf(shop, tmp_path, "2.0.0")
        del shop.fetch.shelf[bundle_url("acme/lost")]
        done = await upgrade(shop.parts)
    assert [row["name"] for row in done["upgraded"]] == ["echo"]
    assert [row["name"] for row in done["failed"]] == ["lost"]


async def test_the_failing_upgrade_of_one_named_server_is_an_error(tmp_path: Path) -> None:
    async with open_shop(tmp_path, {"smithery": [bundle_listing()]}) as shop:
        await put_on_shelf(shop, tmp_path, "1.0.0")
        await install(shop.parts, Ask("acme/echo"))
        shop.fetch.shelf.clear()
        with pytest.raises(InstallError, match="could not be fetched"):
            await upgrade(shop.parts, "echo")


async def test_a_dry_upgrade_changes_nothing(tmp_path: Path) -> None:
    async with open_shop(tmp_path, {"smithery": [remote_listing("acme/far", version="1.0")]}) as shop:
        await install(shop.parts, Ask("acme/far"))
        before = shop.files()
        done = await upgrade(shop.parts, dry_run=True)
        assert shop.files() == before
    assert done["unchanged"] == [{"name": "far", "version": "1.0"}]
    assert shop.changed == 1


async def test_only_what_is_installed_can_be_upgraded_or_removed(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        for verb in (upgrade, remove):
            with pytest.raises(NotFound, match="nowhere"):
                await verb(shop.parts, "nowhere")


async def test_a_removed_server_takes_its_pins_secrets_and_files_along(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        ask = Ask(f"mcpb:{bundle(tmp_path, wants_key=True)}", secrets={"apiKey": SECRET})
        await install(shop.parts, ask)
        await shop.parts.definitions.pin(ECHO, {"say": ("hash", "{}")})
        assert await remove(shop.parts, "echo") == {"removed": "echo"}
        assert await shop.parts.installed.all() == []
        assert await shop.parts.definitions.pins(ECHO) == {}
        assert shop.parts.secrets.list() == {}
        assert in_use(shop) is None
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
        assert await remove(shop.parts, "echo") == {"removed": "echo"}


async def test_the_configuration_takes_a_name_over_and_the_old_pins_do_not_stay(tmp_path: Path) -> None:
    async with open_shop(tmp_path, {"smithery": [remote_listing("acme/echo")]}) as shop:
        await install(shop.parts, Ask(f"mcpb:{bundle(tmp_path)}"))
        await shop.parts.definitions.pin(ECHO, {"say": ("hash", "{}")})
        await install(shop.parts, Ask("smithery:acme/echo", "echo", origin=Origin.CONFIG))
        (kept,) = await shop.parts.installed.all()
        assert (kept.spec.from_, kept.spec.origin) == ("smithery:acme/echo", Origin.CONFIG)
        assert await shop.parts.definitions.pins(ECHO) == {}


async def test_an_upgrade_keeps_the_arguments_of_the_servers_block(tmp_path: Path) -> None:
    config = Config(server=(ServerSection(name="echo", from_="npm:echo", args=("--loud",)),))
    async with open_shop(tmp_path, config=config) as shop:
        await install(shop.parts, Ask(f"mcpb:{bundle(tmp_path)}", origin=Origin.CONFIG))
        (kept,) = await shop.parts.installed.all()
        assert _configured_args(shop.parts, kept) == ("--loud",)
