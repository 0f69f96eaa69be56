"""A process is killed at every step of an installation: the next one finds the old state or the new one, whole."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from gateway.errors import StoreError
from gateway.model import ServerName
from gateway.verbs.committing import collect_content, recover
from gateway.verbs.installing import install
from gateway.verbs.planning import Ask
from tests.verbs.fakes import Shop, bundle, bundle_listing, in_use, open_shop, put_on_shelf
from tests.verbs.killed import CHANGED, NEW, OLD, carry_out

ECHO = ServerName("echo")
ROOT = Path(__file__).parents[2]
FETCHING = ("work", "receipt", "kept", "home")
STEPS = [(step, False) for step in (*FETCHING, "staged")]
STEPS += [(step, True) for step in ("committed", "secrets", "linked")]
STEPS_BACK = [("committed", 1, True), ("committed", 2, False), ("linked", 2, False)]


@asynccontextmanager
async def restarted(folder: Path) -> AsyncIterator[Shop]:
    """The state directory as the next process finds it."""
    async with open_shop(folder, {"smithery": [bundle_listing()]}) as shop:
        await recover(shop.parts)
        await collect_content(shop.parts)
        yield shop


async def kill_at(folder: Path, verb: str, step: str, times: int = 1) -> None:
    """Let a process of its own carry out a verb up to a step."""
    line = [sys.executable, "-m", "tests.verbs.killed", str(folder), verb, step, str(times)]
    ended = await anyio.run_process(line, cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
    assert ended.returncode == -signal.SIGKILL


async def state_of(shop: Shop) -> str:
    """The version that counts, "" for none; fails when anything does not belong to it."""
    server = await shop.parts.installed.get(ECHO)
    contents = server.contents if server is not None else frozenset()
    assert {path.name for path in (shop.root / "content").iterdir()} == set(contents)
    assert in_use(shop) == (server.files if server is not None else None)
    assert [path.name for path in (shop.root / "servers").iterdir()] == (["echo"] if server is not None else [])
    assert [path.name for path in (shop.root / "data").iterdir()] == (["echo"] if server is not None else [])
    assert list(shop.parts.secrets.list()) == (["echo"] if server is not None else [])
    assert await shop.parts.installed.leaving() == []
    return server.version or "" if server is not None else ""


async def put_first(folder: Path, reference: str) -> None:
    """Install the old release, with its secret, its pins and some data."""
    async with open_shop(folder, {"smithery": [bundle_listing()]}) as shop:
        put_on_shelf(shop, folder, OLD, wants_key=True)
        await install(shop.parts, Ask(reference, secrets={"apiKey": OLD}))
        await shop.parts.definitions.pin(ECHO, shop.try_out.offers)
        (shop.root / "data/echo/notes").touch()


@pytest.mark.process
@pytest.mark.timeout(120)
@pytest.mark.parametrize(("step", "is_new"), STEPS)
async def test_a_first_installation_is_there_whole_or_not_at_all(tmp_path: Path, step: str, is_new: bool) -> None:
    await kill_at(tmp_path, "install", step)
    async with restarted(tmp_path) as shop:
        assert await state_of(shop) == (NEW if is_new else "")
        assert dict(shop.parts.secrets.get("echo")) == ({"apiKey": NEW} if is_new else {})
        await carry_out(shop, tmp_path, "install")
        assert await state_of(shop) == NEW


@pytest.mark.process
@pytest.mark.timeout(120)
@pytest.mark.parametrize(("step", "is_new"), STEPS)
async def test_another_release_takes_over_with_its_secret_or_leaves_the_old_one_with_its_own(
    tmp_path: Path, step: str, is_new: bool
) -> None:
    await put_first(tmp_path, f"mcpb:{bundle(tmp_path, OLD, wants_key=True)}")
    await kill_at(tmp_path, "install", step)
    async with restarted(tmp_path) as shop:
        counts = NEW if is_new else OLD
        assert await state_of(shop) == counts
        assert dict(shop.parts.secrets.get("echo")) == {"apiKey": counts}
        assert (shop.root / "data/echo/notes").exists()


@pytest.mark.process
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("step", "is_new"), [*((step, False) for step in FETCHING), *((step, True) for step in ("committed", "linked"))]
)
async def test_an_upgrade_comes_with_its_approved_definitions_or_leaves_the_old_ones(
    tmp_path: Path, step: str, is_new: bool
) -> None:
    await put_first(tmp_path, "acme/echo")
    await kill_at(tmp_path, "upgrade", step)
    async with restarted(tmp_path) as shop:
        assert await state_of(shop) == (NEW if is_new else OLD)
        assert ((await shop.parts.definitions.pins(ECHO))["tool1"] == CHANGED[0]) is is_new
        assert dict(shop.parts.secrets.get("echo")) == {"apiKey": OLD}
        await carry_out(shop, tmp_path, "upgrade")
        assert await state_of(shop) == NEW


@pytest.mark.process
@pytest.mark.timeout(120)
@pytest.mark.parametrize(("step", "times", "is_new"), STEPS_BACK)
async def test_an_upgrade_that_is_being_rolled_back_is_so_or_not(
    tmp_path: Path, step: str, times: int, is_new: bool
) -> None:
    await put_first(tmp_path, "acme/echo")
    await kill_at(tmp_path, "rolled back", step, times)
    async with restarted(tmp_path) as shop:
        assert await state_of(shop) == (NEW if is_new else OLD)
        assert ((await shop.parts.definitions.pins(ECHO))["tool1"] == CHANGED[0]) is is_new


@pytest.mark.process
@pytest.mark.timeout(120)
@pytest.mark.parametrize("step", ["committed", "linked"])
async def test_going_back_is_done_or_not(tmp_path: Path, step: str) -> None:
    await put_first(tmp_path, "acme/echo")
    async with restarted(tmp_path) as shop:
        await carry_out(shop, tmp_path, "upgrade")
    await kill_at(tmp_path, "rollback", step)
    async with restarted(tmp_path) as shop:
        assert await state_of(shop) == OLD


@pytest.mark.process
@pytest.mark.timeout(120)
@pytest.mark.parametrize("step", ["leaving", "secrets", "unlinked", "gone"])
async def test_a_removal_that_began_is_finished_at_the_next_start(tmp_path: Path, step: str) -> None:
    await put_first(tmp_path, "acme/echo")
    await kill_at(tmp_path, "remove", step)
    async with restarted(tmp_path) as shop:
        assert await state_of(shop) == ""
        assert await shop.parts.installed.names() == frozenset()
        assert await shop.parts.definitions.pins(ECHO) == {}
        await install(shop.parts, Ask(f"mcpb:{bundle(tmp_path)}"))


async def test_a_store_that_does_not_take_it_leaves_everything_as_it_was(tmp_path: Path) -> None:
    await put_first(tmp_path, "acme/echo")
    async with restarted(tmp_path) as shop:
        full = "CREATE TRIGGER full BEFORE UPDATE ON installed BEGIN SELECT RAISE(ABORT, 'full'); END"
        await shop.parts.db.execute(full)
        put_on_shelf(shop, tmp_path, NEW, wants_key=True)
        with pytest.raises(StoreError):
            await install(shop.parts, Ask("acme/echo", secrets={"apiKey": NEW}))
        await collect_content(shop.parts)
        assert await state_of(shop) == OLD
        assert dict(shop.parts.secrets.get("echo")) == {"apiKey": OLD}


async def test_secrets_that_cannot_be_put_in_place_now_are_so_at_the_next_start(tmp_path: Path) -> None:
    await put_first(tmp_path, "acme/echo")
    async with restarted(tmp_path) as shop:
        server = await shop.parts.installed.get(ECHO)
        assert server is not None
        place = await shop.parts.installer.stage(ECHO, {"apiKey": NEW})
        await shop.parts.db.execute("UPDATE installed SET body = CAST(json_set(body, '$.staged', ?) AS BLOB)", (place,))
    async with restarted(tmp_path) as shop:
        assert dict(shop.parts.secrets.get("echo")) == {"apiKey": NEW}
        assert list(shop.parts.secrets.list()) == ["echo"]


async def test_what_cannot_be_finished_at_a_start_does_not_keep_the_gateway_from_starting(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        await install(shop.parts, Ask(f"mcpb:{bundle(tmp_path)}"))
        (server,) = await shop.parts.installed.all()
        await shop.parts.installed.leave(server, "")
        link = shop.root / "servers" / "echo"
        link.unlink()
        (link / "in the way").mkdir(parents=True)
        await recover(shop.parts)
        assert [left.spec.name for left in await shop.parts.installed.leaving()] == ["echo"]
