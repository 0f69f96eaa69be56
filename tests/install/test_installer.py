"""Carrying plans out: all or nothing, side by side. What a kill leaves: tests/verbs/test_committing.py."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import anyio
import pytest

from gateway.errors import GatewayError, InstallError, UsageError
from gateway.install.installer import InstallResult
from gateway.install.planning.rules import Rules
from gateway.install.planning.starter import STARTER
from gateway.listing import InputSpec, Listing, RemoteConnection
from gateway.model import RemoteLaunch, ServerName, StdioLaunch
from tests.install.site import Workshop, workshop
from tests.install.speaking import speak
from tests.install.values import listing
from tests.install.zips import NODE_SERVER, manifest, write_bundle

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]
NAME = ServerName("thing")


def bundle(folder: Path, version: str) -> str:
    """A reference to a bundle of this version, whose server tells it."""
    server = NODE_SERVER.replace("version: '1'", f"version: '{version}'")
    path = folder / f"echo-{version}.mcpb"
    return f"mcpb:{write_bundle(path, manifest(version=version), {'server/index.js': server})}"


def version_of(result: InstallResult) -> str:
    return str(speak(result.spec.launch)[0]["serverInfo"]["version"])


def in_use(state: Path, name: str = NAME) -> str:
    return (state / "servers" / name).resolve().name


async def test_what_is_fetched_is_used_by_nobody_until_it_is_settled(tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with workshop(state) as shop:
        old = await shop.install(bundle(tmp_path, "1.0.0"))
        async with shop.installer.working(NAME):
            new = (await shop.installer.fetch(shop.plan(bundle(tmp_path, "2.0.0")))).result
            assert (version_of(old), version_of(new)) == ("1.0.0", "2.0.0")
            assert in_use(state) == old.files
            await shop.installer.settle(NAME, new.files)
        assert in_use(state) == new.files


async def test_installing_the_same_again_gives_the_same(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state") as shop:
        assert await shop.install(bundle(tmp_path, "1.0.0")) == await shop.install(bundle(tmp_path, "1.0.0"))
    assert len(list((tmp_path / "state/content").iterdir())) == 1


async def test_what_is_told_has_one_shape(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state") as shop:
        await shop.install(bundle(tmp_path, "1.0.0"))
    assert all(told.keys() == {"step", "message", "done", "total"} for told in shop.told)
    assert shop.steps == ["fetch", "unpack", "keep"]


async def test_a_failing_installation_leaves_the_old_one_in_place(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state") as shop:
        old = await shop.install(bundle(tmp_path, "1.0.0"))
        broken = write_bundle(tmp_path / "broken.mcpb", manifest(), {})
        with pytest.raises(InstallError):
            await shop.install(f"mcpb:{broken}")
    assert in_use(tmp_path / "state") == old.files
    assert version_of(old) == "1.0.0"
    assert len(list((tmp_path / "state/content").iterdir())) == 1


async def test_different_servers_install_side_by_side(tmp_path: Path) -> None:
    references = [bundle(tmp_path, f"1.0.{number}") for number in range(6)]
    results: dict[str, InstallResult] = {}

    async def one(shop: Workshop, number: int, reference: str) -> None:
        results[f"s{number}"] = await shop.install(reference, f"s{number}")

    async with workshop(tmp_path / "state") as shop, anyio.create_task_group() as tasks:
        for number, reference in enumerate(references):
            tasks.start_soon(one, shop, number, reference)
    assert {name: in_use(tmp_path / "state", name) for name in results} == {
        name: result.files for name, result in results.items()
    }


async def test_the_same_content_under_two_names_at_once_is_made_without_harm(tmp_path: Path) -> None:
    reference = bundle(tmp_path, "1.0.0")
    async with workshop(tmp_path / "state") as shop, anyio.create_task_group() as tasks:
        for name in ("one", "two"):
            tasks.start_soon(shop.install, reference, name)
    assert in_use(tmp_path / "state", "one") == in_use(tmp_path / "state", "two")


async def test_a_cancelled_installation_leaves_no_work_behind(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state") as shop:
        plan = shop.plan(bundle(tmp_path, "1.0.0"))
        with anyio.CancelScope() as scope:
            await shop.installer.fetch(plan, lambda _: scope.cancel())
    assert scope.cancelled_caught
    assert list((tmp_path / "state/content").iterdir()) == []


async def test_secrets_are_staged_under_a_name_of_their_own_and_only_what_is_new(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state") as shop:
        installer = shop.installer
        installer.secrets.set(NAME, "K", "same")
        assert await installer.stage(NAME, {"K": "same"}) == ""
        place = await installer.stage(NAME, {"K": "same", "N": "new"})
        assert dict(installer.secrets.get(place)) == {"N": "new"}
        assert dict(installer.secrets.get(NAME)) == {"K": "same"}
        await installer.settle(NAME, None, place)
        assert dict(installer.secrets.get(NAME)) == {"K": "same", "N": "new"}
        assert list(installer.secrets.list()) == [NAME]


async def test_staged_secrets_can_be_forgotten(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state") as shop:
        await shop.installer.unstage(await shop.installer.stage(NAME, {"K": "v"}))
        await shop.installer.unstage("")
        assert shop.installer.secrets.list() == {}


async def test_a_secret_that_systemd_gives_is_refused_before_anything_is_kept(tmp_path: Path) -> None:
    (tmp_path / "secret.thing.K").write_text("given")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path), "PATH": os.environ["PATH"]}
    async with workshop(tmp_path / "state", environ=environ) as shop:
        with pytest.raises(UsageError, match="K of thing is given by systemd"):
            await shop.installer.stage(NAME, {"K": "other", "N": "new"})
        assert shop.installer.secrets.list() == {NAME: ["K"]}


async def test_a_removed_server_is_gone_with_its_secrets_but_keeps_its_data(tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with workshop(state) as shop:
        await shop.install(bundle(tmp_path, "1.0.0"))
        shop.installer.secrets.set(NAME, "K", "v")
        (state / "data/thing/notes").touch()
        await shop.installer.remove(NAME)
        await shop.installer.remove(NAME)
        assert len((await shop.installer.collect(nothing_needed)).names) == 1
    assert (list((state / "content").iterdir()), list((state / "servers").iterdir())) == ([], [])
    assert shop.installer.secrets.list() == {}
    assert (state / "data/thing/notes").exists()


async def nothing_needed() -> set[str]:
    """No server needs any content."""
    return set()


async def test_nothing_is_collected_while_an_installation_is_under_way(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state") as shop:
        async with shop.installer.working(NAME):
            fetched = await shop.installer.fetch(shop.plan(bundle(tmp_path, "1.0.0")))
            assert (await shop.installer.collect(nothing_needed)).names == ()
        assert (await shop.installer.collect(nothing_needed)).names == (fetched.result.files,)


async def test_a_name_is_worked_on_by_one_at_a_time(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state") as shop:
        async with shop.installer.working(NAME), shop.installer.working(ServerName("other")):
            with pytest.raises(GatewayError, match="just now"):
                async with shop.installer.working(NAME, wait=False):
                    pass
        async with shop.installer.working(NAME, wait=False):
            assert shop.installer.secrets.list() == {}


async def test_what_killed_installations_left_is_swept(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state") as shop:
        mine = await shop.installer.stage(NAME, {"K": "v"})
        await shop.installer.stage(ServerName("half"), {"K": "v"})
        await shop.installer.sweep({NAME}, {mine})
        assert list(shop.installer.secrets.list()) == [mine]


REMOTE = RemoteConnection(
    "https://x.example/mcp",
    headers=(
        InputSpec("X-Key", value="{key}", secret=True, variables=(InputSpec("key", required=True, secret=True),)),
    ),
)


async def test_a_remote_server_needs_no_files_and_its_secret_stays_a_name(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state") as shop:
        result = await shop.install(listing(REMOTE), settings={"key": "canary"})
        assert dict(shop.installer.secrets.get(NAME)) == {"key": "canary"}
    assert result.spec.launch == RemoteLaunch("https://x.example/mcp", {"X-Key": "${secret:key}"})
    assert (result.files, result.sha256) == (None, None)
    assert "canary" not in repr(result)


async def test_an_exception_from_the_cooldown_is_in_the_result(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state") as shop:
        result = await shop.install(bundle(tmp_path, "1.0.0"), rules=Rules(allow_fresh=True))
    assert result.allow_fresh


@pytest.mark.parametrize("kind", ["npm:left-pad@1.3.0", "pypi:idna==3.10", "bundle"])
async def test_a_disk_that_takes_no_folder_is_an_install_error(tmp_path: Path, kind: str) -> None:
    reference = bundle(tmp_path, "1.0.0") if kind == "bundle" else kind
    (tmp_path / "state").mkdir()
    (tmp_path / "state/content").symlink_to("/proc/self/fdinfo")  # a folder in which nobody can make anything
    async with workshop(tmp_path / "state") as shop:
        with pytest.raises(InstallError, match="files of thing cannot be written") as caught:
            await shop.install(reference)
    assert (caught.value.step, "disk space" in caught.value.fix) == ("disk", True)


async def test_secrets_that_the_disk_does_not_take_are_an_install_error(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state") as shop:
        (tmp_path / "state").mkdir(exist_ok=True)
        (tmp_path / "state/secrets").symlink_to("/proc/self/fdinfo")
        with pytest.raises(InstallError, match="secrets of thing cannot be written"):
            await shop.installer.stage(NAME, {"K": "v"})


async def test_a_state_directory_that_cannot_be_written_is_an_install_error(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state/servers").touch()
    async with workshop(tmp_path / "state") as shop:
        with pytest.raises(InstallError, match="cannot be used"):
            await shop.install(bundle(tmp_path, "1.0.0"))


TOOLS = {
    "time": "get_current_time",
    "git": "git_status",
    "fetch": "fetch",
    "filesystem": "read_text_file",
    "memory": "create_entities",
    "thinking": "sequentialthinking",
    "everything": "echo",
}


@pytest.mark.network
@pytest.mark.timeout(300)
@pytest.mark.parametrize("starter", STARTER, ids=lambda starter: starter.name)
async def test_each_starter_server_is_installed_within_its_cooldown_and_answers(
    tmp_path: Path, starter: Listing
) -> None:
    async with workshop(tmp_path / "state") as shop:
        result = await shop.install(starter, starter.name)
    assert result.version == starter.version
    assert isinstance(result.spec.launch, StdioLaunch)
    assert set(result.spec.launch.env) - {"MEMORY_FILE_PATH"} == {"PATH", "HOME", "LANG", "TMPDIR"}
    listed: Any = speak(result.spec.launch)[1]
    assert TOOLS[starter.name] in {tool["name"] for tool in listed["tools"]}
    assert in_use(tmp_path / "state", starter.name) == result.files
