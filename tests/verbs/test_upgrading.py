"""Another release takes over side by side, with a diff first and a way back. Nothing is started."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from gateway.config import Config
from gateway.config.server import ServerSection
from gateway.errors import InstallError, NotFound
from gateway.model import Origin, ServerName
from gateway.verbs.installing import install
from gateway.verbs.planning import Ask, plan_for
from gateway.verbs.upgrading import ask_again, rollback, upgrade
from tests.verbs.fakes import (
    bundle,
    bundle_listing,
    bundle_url,
    in_use,
    offered,
    open_shop,
    put_on_shelf,
    remote_listing,
)

ECHO = ServerName("echo")
SECRET = "canary-7f3a"


async def test_an_upgrade_tells_what_was_and_what_is(tmp_path: Path) -> None:
    async with open_shop(tmp_path, {"smithery": [bundle_listing()]}) as shop:
        put_on_shelf(shop, tmp_path, "1.0.0")
        await install(shop.parts, Ask("acme/echo"))
        put_on_shelf(shop, tmp_path, "2.0.0")
        done = await upgrade(shop.parts, "echo")
        kept = await shop.parts.installed.get(ECHO)
    (moved,) = done["upgraded"]
    assert (moved["name"], moved["before"], moved["after"]) == ("echo", "1.0.0", "2.0.0")
    assert shop.switched == [("echo", "2.0.0")]
    assert shop.changed == 1  # the children follow by the switch
    assert kept is not None
    assert kept.version == "2.0.0"


async def test_an_upgrade_without_anything_newer_says_so(tmp_path: Path) -> None:
    async with open_shop(tmp_path, {"smithery": [bundle_listing()]}) as shop:
        put_on_shelf(shop, tmp_path, "1.0.0")
        await install(shop.parts, Ask("acme/echo"))
        done = await upgrade(shop.parts)
    assert (done["upgraded"], done["unchanged"]) == ([], [{"name": "echo", "version": "1.0.0", "why": "newest"}])


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
            put_on_shelf(shop, tmp_path, "1.0.0", name)
            await install(shop.parts, Ask(name))
        put_on_shelf(shop, tmp_path, "2.0.0")
        del shop.fetch.shelf[bundle_url("acme/lost")]
        done = await upgrade(shop.parts)
    assert [row["name"] for row in done["upgraded"]] == ["echo"]
    assert [row["name"] for row in done["failed"]] == ["lost"]


async def test_the_failing_upgrade_of_one_named_server_is_an_error(tmp_path: Path) -> None:
    async with open_shop(tmp_path, {"smithery": [bundle_listing()]}) as shop:
        put_on_shelf(shop, tmp_path, "1.0.0")
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
    assert done["unchanged"] == [{"name": "far", "version": "1.0", "why": "remote"}]
    assert shop.changed == 1


async def test_an_upgrade_keeps_the_arguments_of_the_servers_block(tmp_path: Path) -> None:
    config = Config(server=(ServerSection(name="echo", from_="npm:echo", args=("--loud",)),))
    async with open_shop(tmp_path, config=config) as shop:
        await install(shop.parts, Ask(f"mcpb:{bundle(tmp_path)}", origin=Origin.CONFIG))
        (kept,) = await shop.parts.installed.all()
        assert ask_again(shop.parts, kept, allow_fresh=False).args == ("--loud",)


async def test_an_upgrade_gives_what_a_person_named_and_no_default_that_was_kept_with_it(tmp_path: Path) -> None:
    config = Config(server=(ServerSection(name="echo", from_="npm:echo", args=("/srv/extra",)),))
    async with open_shop(tmp_path, config=config) as shop:
        await install(shop.parts, Ask(f"mcpb:{bundle(tmp_path)}", origin=Origin.CONFIG))
        (kept,) = await shop.parts.installed.all()
        launch = msgspec.structs.replace(kept.spec.launch, granted=("/srv/mine",))
        spec = msgspec.structs.replace(kept.spec, launch=launch)
        kept = msgspec.structs.replace(kept, spec=spec, settings={"mine": "/srv/mine", "default": "/root"})
        asked = ask_again(shop.parts, kept, allow_fresh=False)
        again = replace(asked, name=f"mcpb:{bundle(tmp_path)}")
        plan = await plan_for(shop.parts, again)
    assert plan.granted == ("/srv/mine", "/srv/extra")


async def test_the_difference_is_told_by_names_and_with_the_tools(tmp_path: Path) -> None:
    async with open_shop(tmp_path, {"smithery": [bundle_listing()]}) as shop:
        put_on_shelf(shop, tmp_path, "1.0.0")
        await install(shop.parts, Ask("acme/echo"))
        await shop.parts.definitions.pin(ECHO, shop.try_out.offers)
        put_on_shelf(shop, tmp_path, "2.0.0")
        del shop.try_out.offers["tool0"]
        shop.try_out.offers |= {"tool1": offered("otherwise"), "fresh": offered("new")}
        before = shop.files()
        (planned,) = (await upgrade(shop.parts, dry_run=True))["upgraded"]
        after = {name: data for name, data in shop.files().items() if not name.startswith("content/")}
        assert after == {name: data for name, data in before.items() if not name.startswith("content/")}
        assert (shop.switched, await shop.parts.installed.get(ECHO)) == ([], (await shop.parts.installed.all())[0])
        (done,) = (await upgrade(shop.parts))["upgraded"]
    tools = done["changes"]["tools"]
    assert planned == done
    assert (tools["added"], tools["removed"], tools["instructions_changed"]) == (["fresh"], ["tool0"], False)
    assert tools["changed"] == [
        {
            "tool": "tool1",
            "before": {"description": "1"},
            "after": {"description": "otherwise"},
            "diff": ["description:", "  @@ -1 +1 @@", "  - 1", "  + otherwise"],
        }
    ]
    assert done["changes"]["version"] == {"before": "1.0.0", "after": "2.0.0"}
    assert done["changes"]["command"]["after"][1] == "${content}/files/server/main.py"
    assert done["quarantined"] == 1


@pytest.mark.parametrize("approve", [True, False])
async def test_changed_definitions_are_pinned_anew_only_when_the_person_approves(tmp_path: Path, approve: bool) -> None:
    async with open_shop(tmp_path, {"smithery": [bundle_listing()]}) as shop:
        put_on_shelf(shop, tmp_path, "1.0.0")
        await install(shop.parts, Ask("acme/echo"))
        await shop.parts.definitions.pin(ECHO, shop.try_out.offers)
        old, new = shop.try_out.offers["tool1"], offered("otherwise")
        put_on_shelf(shop, tmp_path, "2.0.0")
        shop.try_out.offers["tool1"] = new
        await upgrade(shop.parts, "echo", approve=approve)
        assert (await shop.parts.definitions.pins(ECHO))["tool1"] == (new if approve else old)[0]


async def test_a_release_that_does_not_stay_up_is_rolled_back_with_its_pins_and_says_so(tmp_path: Path) -> None:
    async with open_shop(tmp_path, {"smithery": [bundle_listing()]}) as shop:
        put_on_shelf(shop, tmp_path, "1.0.0", wants_key=True)
        await install(shop.parts, Ask("acme/echo", secrets={"apiKey": SECRET}))
        await shop.parts.definitions.pin(ECHO, shop.try_out.offers)
        pins = await shop.parts.definitions.pins(ECHO)
        (before,) = await shop.parts.installed.all()
        files = in_use(shop)
        put_on_shelf(shop, tmp_path, "2.0.0", wants_key=True)
        shop.try_out.offers["tool1"] = offered("otherwise")
        shop.refuses.append("it ended with status 3")
        done = await upgrade(shop.parts, approve=True)
        (kept,) = await shop.parts.installed.all()
        assert await shop.parts.definitions.pins(ECHO) == pins
        assert dict(shop.parts.secrets.get("echo")) == {"apiKey": SECRET}
        assert in_use(shop) == files
        assert sorted(path.name for path in (shop.root / "content").iterdir()) == [files]
    assert [row["reason"] for row in done["rolled_back"]] == ["it ended with status 3"]
    assert done["upgraded"] == []
    assert done["freed_bytes"] > 0
    assert "2.0.0 was rolled back to 1.0.0: it ended with status 3" in kept.note
    assert msgspec.structs.replace(kept, note="", staged="") == msgspec.structs.replace(before, staged="")


async def test_the_one_before_is_kept_for_a_way_back_and_older_ones_are_not(tmp_path: Path) -> None:
    async with open_shop(tmp_path, {"smithery": [bundle_listing()]}) as shop:
        for version in ("1.0.0", "2.0.0", "3.0.0"):
            put_on_shelf(shop, tmp_path, version)
            await install(shop.parts, Ask("acme/echo")) if version == "1.0.0" else await upgrade(shop.parts)
        assert len(list((shop.root / "content").iterdir())) == 2
        back = await rollback(shop.parts, "echo")
        assert (back["before"], back["after"]) == ("3.0.0", "2.0.0")
        assert (await rollback(shop.parts, "echo"))["after"] == "3.0.0"
    assert shop.switched[-2:] == [("echo", "2.0.0"), ("echo", "3.0.0")]


async def test_there_is_nothing_to_go_back_to_after_the_first_installation(tmp_path: Path) -> None:
    async with open_shop(tmp_path, {"smithery": [bundle_listing()]}) as shop:
        put_on_shelf(shop, tmp_path, "1.0.0")
        await install(shop.parts, Ask("acme/echo"))
        with pytest.raises(NotFound, match="no earlier"):
            await rollback(shop.parts, "echo")


async def test_going_back_to_what_does_not_stay_up_leaves_what_served(tmp_path: Path) -> None:
    async with open_shop(tmp_path, {"smithery": [bundle_listing()]}) as shop:
        for version in ("1.0.0", "2.0.0"):
            put_on_shelf(shop, tmp_path, version)
            await install(shop.parts, Ask("acme/echo"))
        shop.refuses.append("it fell over")
        with pytest.raises(InstallError, match="after going back"):
            await rollback(shop.parts, "echo")
        (kept,) = await shop.parts.installed.all()
    assert kept.version == "2.0.0"


async def test_only_what_is_installed_can_be_upgraded_or_rolled_back(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        for verb in (upgrade, rollback):
            with pytest.raises(NotFound, match="nowhere"):
                await verb(shop.parts, "nowhere")


async def test_steps_say_which_server_they_are_about(tmp_path: Path) -> None:
    async with open_shop(tmp_path, {"smithery": [bundle_listing()]}) as shop:
        put_on_shelf(shop, tmp_path, "1.0.0")
        await install(shop.parts, Ask("acme/echo"))
        put_on_shelf(shop, tmp_path, "2.0.0")
        await upgrade(shop.parts, progress=shop.told.append)
    assert {told["server"] for told in shop.told} == {"echo"}
    assert [told["step"] for told in shop.told][-3:] == ["handshake", "switch", "done"]
