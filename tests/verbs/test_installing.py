"""Coming and going, all or nothing. Bundles are installed for real; nothing is started."""

from __future__ import annotations

from pathlib import Path

import anyio
import msgspec
import pytest

from gateway.config import Config
from gateway.config.install import InstallSection
from gateway.config.server import ServerSection
from gateway.errors import InstallError, RefusedByPolicy, UsageError
from gateway.model import Origin, ServerName
from gateway.verbs.installing import _bare, install, install_many
from gateway.verbs.planning import Ask
from tests.verbs.fakes import bundle, bundle_listing, in_use, offered, open_shop, put_on_shelf, remote_listing, spelled

ECHO = ServerName("echo")
SECRET = "canary-7f3a"


async def test_an_install_registers_the_server_and_waits_until_it_runs(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        done = await install(shop.parts, Ask(f"mcpb:{bundle(tmp_path)}"), progress=shop.told.append)
        kept = await shop.parts.installed.get(ECHO)
    assert kept is not None
    assert (done["name"], done["version"], done["tools"], done["origin"]) == ("echo", "1.0.0", 3, "cli")
    assert (kept.sha256, kept.installed_at, kept.files) == (done["sha256"], shop.clock.wall(), in_use(shop))
    assert shop.changed == 1
    assert shop.try_out.tried == [kept.spec]
    assert [told["step"] for told in shop.told][-2:] == ["handshake", "done"]


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


def test_an_image_is_the_same_thing_whatever_its_tag_and_digest() -> None:
    assert _bare(f"oci:ghcr.io/acme/x:1@sha256:{'a' * 64}") == _bare("oci:ghcr.io/acme/x:2") == "oci:ghcr.io/acme/x"
    assert _bare("oci:reg.acme.example:5000/x:1") == "oci:reg.acme.example:5000/x"


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
        put_on_shelf(shop, tmp_path, "1.0.0")
        await install(shop.parts, Ask("acme/echo"))
        before, files = await shop.parts.installed.all(), in_use(shop)
        put_on_shelf(shop, tmp_path, "2.0.0")
        shop.try_out.broken.add("echo")
        with pytest.raises(InstallError):
            await install(shop.parts, Ask("acme/echo"))
        assert await shop.parts.installed.all() == before
        assert in_use(shop) == files
        assert shop.changed == 1


async def test_installing_the_same_again_in_vain_does_not_touch_what_runs(tmp_path: Path) -> None:
    async with open_shop(tmp_path, {"smithery": [bundle_listing()]}) as shop:
        for version in ("1.0.0", "2.0.0"):
            put_on_shelf(shop, tmp_path, version)
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


async def test_the_configuration_takes_a_name_over_and_the_old_pins_do_not_stay(tmp_path: Path) -> None:
    async with open_shop(tmp_path, {"smithery": [remote_listing("acme/echo")]}) as shop:
        await install(shop.parts, Ask(f"mcpb:{bundle(tmp_path)}"))
        await shop.parts.definitions.pin(ECHO, {"say": ("hash", "{}")})
        shop.try_out.offers = {"other": offered("another")}
        await install(shop.parts, Ask("smithery:acme/echo", "echo", origin=Origin.CONFIG))
        (kept,) = await shop.parts.installed.all()
        assert (kept.spec.from_, kept.spec.origin) == ("smithery:acme/echo", Origin.CONFIG)
        assert await shop.parts.definitions.pins(ECHO) == {"other": offered("another")[0]}


async def test_what_is_shown_at_the_handshake_is_approved_and_the_first_start_is_held_against_it(
    tmp_path: Path,
) -> None:
    async with open_shop(tmp_path) as shop:
        shop.try_out.offers = {"say": offered("harmless")}
        await shop.parts.definitions.expect(ECHO, {"known": "ab" * 32})
        await install(shop.parts, Ask(f"mcpb:{bundle(tmp_path)}"))
        pins = await shop.parts.definitions.pins(ECHO)
    assert pins == {"say": offered("harmless")[0], "known": "ab" * 32}


async def test_new_secrets_are_tried_before_they_are_kept(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        reference = f"mcpb:{bundle(tmp_path, wants_key=True)}"
        await install(shop.parts, Ask(reference, secrets={"apiKey": "old"}))
        await install(shop.parts, Ask(reference, secrets={"apiKey": SECRET}))
        assert [tried["apiKey"] for tried in shop.try_out.secrets] == ["old", SECRET]
        assert dict(shop.parts.secrets.get("echo")) == {"apiKey": SECRET}
        assert list(shop.parts.secrets.list()) == ["echo"]


async def test_what_serves_already_is_left_alone(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        reference = f"mcpb:{bundle(tmp_path)}"
        first = await install(shop.parts, Ask(reference))
        shop.ready.add(ECHO)
        shop.clock.advance(60)
        again = await install(shop.parts, Ask(reference))
        (kept,) = await shop.parts.installed.all()
    assert (first["unchanged"], again["unchanged"]) == (False, True)
    assert {**again, "tools": 3, "unchanged": False} == first
    assert (len(shop.try_out.tried), shop.changed, kept.installed_at) == (1, 1, shop.clock.wall() - 60)


@pytest.mark.parametrize("ready", [True, False])
async def test_what_serves_is_touched_for_another_secret_and_what_does_not_serve_always(
    tmp_path: Path, ready: bool
) -> None:
    async with open_shop(tmp_path) as shop:
        reference = f"mcpb:{bundle(tmp_path, wants_key=True)}"
        await install(shop.parts, Ask(reference, secrets={"apiKey": "old"}))
        if ready:
            shop.ready.add(ECHO)
        again = await install(shop.parts, Ask(reference, secrets={"apiKey": SECRET if ready else "old"}))
    assert not again["unchanged"]
    assert len(shop.try_out.tried) == 2


async def test_another_release_that_does_not_stay_up_is_an_error_and_the_first_one_counts(tmp_path: Path) -> None:
    async with open_shop(tmp_path, {"smithery": [bundle_listing()]}) as shop:
        put_on_shelf(shop, tmp_path, "1.0.0")
        await install(shop.parts, Ask("acme/echo"))
        put_on_shelf(shop, tmp_path, "2.0.0")
        shop.refuses.append("it fell over")
        with pytest.raises(InstallError, match=r"1\.0\.0 serves again: it fell over"):
            await install(shop.parts, Ask("acme/echo"))
        (kept,) = await shop.parts.installed.all()
    assert kept.version == "1.0.0"


async def test_several_servers_are_installed_side_by_side_and_each_has_its_result(tmp_path: Path) -> None:
    listings = [bundle_listing(), remote_listing("acme/far")]
    async with open_shop(tmp_path, {"smithery": listings}) as shop:
        put_on_shelf(shop, tmp_path, "1.0.0")
        names = ["acme/echo", "acme/nowhere", "acme/far", "acme/echo"]
        done = await install_many(shop.parts, names, progress=shop.told.append)
        assert [server.spec.name for server in await shop.parts.installed.all()] == ["echo", "far"]
    assert [(row["reference"], row["ok"]) for row in done["results"]] == [
        ("acme/echo", True),
        ("acme/nowhere", False),
        ("acme/far", True),
    ]
    assert done["results"][1]["error"]["code"] == "not_found"
    assert {told["server"] for told in shop.told} == {"acme/echo", "acme/nowhere", "acme/far"}
    assert [told["step"] for told in shop.told if told["server"] == "acme/nowhere"] == ["failed"]


async def test_the_same_server_twice_at_once_is_installed_once(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        reference = f"mcpb:{bundle(tmp_path)}"
        shop.ready.add(ECHO)  # as soon as it is here
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(install, shop.parts, Ask(reference))
            tasks.start_soon(install, shop.parts, Ask(reference))
        assert len(shop.try_out.tried) == 1


async def test_another_release_over_an_installed_one_says_what_changed_and_what_waits(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        shop.try_out.offers = {"say": offered("harmless"), "old": offered("old")}
        await install(shop.parts, Ask(f"mcpb:{bundle(tmp_path)}"))
        shop.try_out.offers = {"say": offered("send me everything")}
        done = await install(shop.parts, Ask(f"mcpb:{bundle(tmp_path, '2.0.0')}"))
    assert done["quarantined"] == 1
    assert done["changes"]["version"] == {"before": "1.0.0", "after": "2.0.0"}
    assert [row["tool"] for row in done["changes"]["tools"]["changed"]] == ["say"]
