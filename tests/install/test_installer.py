"""Carrying plans out: all or nothing, side by side, back again, and past a kill at any step."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from gateway.errors import InstallError, NotFound
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


async def test_a_newer_installation_takes_over_and_can_be_rolled_back_and_forth(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state") as shop:
        old = await shop.install(bundle(tmp_path, "1.0.0"))
        new = await shop.install(bundle(tmp_path, "2.0.0"))
        assert (version_of(old), version_of(new)) == ("1.0.0", "2.0.0")
        assert in_use(tmp_path / "state") == new.files
        assert await shop.installer.rollback(NAME) == old
        assert in_use(tmp_path / "state") == old.files
        assert await shop.installer.rollback(NAME) == new


async def test_there_is_nothing_to_roll_back_after_the_first_installation(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state") as shop:
        await shop.install(bundle(tmp_path, "1.0.0"))
        with pytest.raises(NotFound):
            await shop.installer.rollback(NAME)


async def test_an_installation_that_does_not_start_is_taken_back(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state") as shop:
        await shop.install(bundle(tmp_path, "1.0.0"), "new")
        await shop.installer.undo(ServerName("new"))
        assert not (tmp_path / "state/servers/new.json").exists()
        old = await shop.install(bundle(tmp_path, "1.0.0"))
        await shop.install(bundle(tmp_path, "2.0.0"))
        await shop.installer.undo(NAME)
        assert in_use(tmp_path / "state") == old.files


async def test_an_installation_that_changed_nothing_is_not_taken_back(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state") as shop:
        for version in ("1.0.0", "2.0.0", "2.0.0"):
            newest = await shop.install(bundle(tmp_path, version))
        await shop.installer.undo(NAME)
        await shop.installer.undo(ServerName("unknown"))
    assert in_use(tmp_path / "state") == newest.files


async def test_installing_the_same_again_gives_the_same(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state") as shop:
        assert await shop.install(bundle(tmp_path, "1.0.0")) == await shop.install(bundle(tmp_path, "1.0.0"))
    assert len(list((tmp_path / "state/content").iterdir())) == 1


async def test_what_is_told_has_one_shape_and_ends_with_done(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state") as shop:
        await shop.install(bundle(tmp_path, "1.0.0"))
    assert all(told.keys() == {"step", "message", "done", "total"} for told in shop.told)
    assert shop.steps == ["fetch", "unpack", "keep", "done"]


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
            await shop.installer.install(plan, lambda _: scope.cancel())
    assert scope.cancelled_caught
    assert list((tmp_path / "state/content").iterdir()) == []


KILLED_AT = """
import anyio, os, signal, sys
from pathlib import Path
from tests.install.site import workshop

async def main(state, reference, step):
    async with workshop(Path(state)) as shop:
        plan = shop.plan(reference)
        await shop.installer.install(plan, lambda told: told["step"] == step and os.kill(os.getpid(), signal.SIGKILL))

anyio.run(main, *sys.argv[1:])
"""


@pytest.mark.parametrize("step", ["fetch", "unpack", "keep", "done"])
async def test_a_kill_at_any_step_leaves_a_working_server_and_the_next_try_succeeds(tmp_path: Path, step: str) -> None:
    state, newer = tmp_path / "state", bundle(tmp_path, "2.0.0")
    async with workshop(state) as shop:
        old = await shop.install(bundle(tmp_path, "1.0.0"))
    killed = await anyio.run_process(
        [sys.executable, "-c", KILLED_AT, str(state), newer, step], check=False, stdout=subprocess.DEVNULL
    )
    assert killed.returncode == -signal.SIGKILL
    assert version_of(old) == "1.0.0"  # what the store still names keeps working
    async with workshop(state) as shop:
        new = await shop.install(newer)
        gone = await shop.installer.collect([old.files or ""])
        assert version_of(new) == "2.0.0"
        assert await shop.installer.rollback(NAME) == old
    assert all(name.startswith(".work-") for name in gone)
    assert not list((state / "content").glob(".work-*"))


async def test_a_removed_server_is_gone_with_its_secrets_but_keeps_its_data(tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with workshop(state) as shop:
        await shop.install(bundle(tmp_path, "1.0.0"))
        shop.installer.secrets.set(NAME, "K", "v")
        (state / "data/thing/notes").touch()
        await shop.installer.remove(NAME)
        await shop.installer.remove(NAME)
        assert len(await shop.installer.collect([])) == 1
    assert (list((state / "content").iterdir()), list((state / "servers").iterdir())) == ([], [])
    assert shop.installer.secrets.list() == {}
    assert (state / "data/thing/notes").exists()


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
    assert "canary" not in (tmp_path / "state/servers/thing.json").read_text()


async def test_an_exception_from_the_cooldown_is_in_the_result(tmp_path: Path) -> None:
    async with workshop(tmp_path / "state") as shop:
        result = await shop.install(bundle(tmp_path, "1.0.0"), rules=Rules(allow_fresh=True))
    assert result.allow_fresh


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
    assert json.loads((tmp_path / "state/servers" / f"{starter.name}.json").read_bytes())["sha256"] == result.sha256
