"""The parts that finding and installing need, from one setup."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx
import pytest

from gateway.config import Config
from gateway.config.registries import SmitherySection
from gateway.config.server import ServerSection
from gateway.daemon.options import ServeOptions
from gateway.daemon.setup import read_setup
from gateway.daemon.workshop import (
    Current,
    _origin_headers,
    base_environment,
    open_parts,
    remote_transport,
    store_url,
    wanted_specs,
)
from gateway.errors import NotFound, RefusedByPolicy, StoreError
from gateway.install.planning.starter import STARTER
from gateway.model import Origin, ServerName, ServerSpec, StdioLaunch
from gateway.store.installed import InstalledServer
from gateway.verbs.parts import Parts
from tests.fakes import FakeClock
from tests.net.web import Page, serving

ENV = {"PATH": "/usr/bin:/bin", "HOME": "/home/x", "SECRET": "canary"}


@asynccontextmanager
async def parts_of(folder: Path, text: str = "", **options: object) -> AsyncIterator[Parts]:
    file = folder / "config.toml"
    file.write_text(f"[smithery]\nenabled = false\n[registry]\nenabled = false\n{text}")
    options = {"config_file": file, "state_dir": folder / "state", **options}
    setup = read_setup(ServeOptions(**options), ENV)  # type: ignore[arg-type]
    setup.state.prepare()
    current = Current(setup.config)
    async with open_parts(setup, current, clock=FakeClock(), rng=random.Random(1), url="http://x/mcp") as parts:
        yield parts


def kept(name: str) -> InstalledServer:
    spec = ServerSpec(ServerName(name), f"npm:{name}@1.0.0", Origin.CLI, StdioLaunch((name,)))
    return InstalledServer(spec, None, 0.0, "1.0.0")


def test_children_get_what_programs_need_and_no_secrets() -> None:
    assert base_environment(ENV) == {"PATH": "/usr/bin:/bin", "HOME": "/home/x"}


def test_the_store_lies_in_the_state_directory_unless_configured(tmp_path: Path) -> None:
    options = ServeOptions(state_dir=tmp_path)
    assert store_url(read_setup(options, {})) == f"sqlite:///{tmp_path}/gateway.db"
    (tmp_path / "config.toml").write_text(f'[store]\nurl = "sqlite:///{tmp_path}/other.db"')
    assert store_url(read_setup(options, {})).endswith("other.db")


async def test_the_starter_catalogue_is_a_source_without_any_registry(tmp_path: Path) -> None:
    async with parts_of(tmp_path) as parts:
        found = await parts.finder.search("", limit=50)
    assert {item.listing.name for item in found.items} == {listing.name for listing in STARTER}


async def test_everything_survives_being_opened_again(tmp_path: Path) -> None:
    async with parts_of(tmp_path) as parts:
        await parts.installed.put(kept("one"))
        token = parts.tokens.load("token")
    async with parts_of(tmp_path) as parts:
        assert [spec.name for spec in await parts.wanted()] == ["one"]
        assert parts.tokens.load("token") == token


async def test_a_plain_file_of_servers_is_served_alone(tmp_path: Path) -> None:
    file = tmp_path / "servers.json"
    file.write_text('{"mcpServers": {"own": {"command": "own"}}}')
    async with parts_of(tmp_path, mcp_servers=file) as parts:
        await parts.installed.put(kept("one"))
        specs = await parts.wanted()
    assert [(spec.name, spec.origin) for spec in specs] == [("own", Origin.FILE)]
    assert isinstance(specs[0].launch, StdioLaunch)
    assert "SECRET" not in specs[0].launch.env


async def test_the_configuration_in_force_decides_what_is_wanted(tmp_path: Path) -> None:
    async with parts_of(tmp_path) as parts:
        setup = read_setup(ServeOptions(state_dir=tmp_path / "state"), ENV)
        changed = Config(server=(ServerSection(name="own", command=("own",)),))
        assert [spec.name for spec in await wanted_specs(setup, changed, parts.installed)] == ["own"]


async def test_a_damaged_store_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "gateway.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreError) as caught:
        async with parts_of(tmp_path):
            pass
    assert caught.value.fix


async def test_the_store_is_closed_at_the_end(tmp_path: Path) -> None:
    async with parts_of(tmp_path) as parts:
        pass
    with pytest.raises(StoreError):
        await parts.installed.all()


async def test_a_secret_that_is_kept_reaches_the_server_it_is_for_only(tmp_path: Path) -> None:
    async with parts_of(tmp_path) as parts:
        parts.secrets.set("one", "KEY", "canary")
        assert dict(parts.secrets.get("one")) == {"KEY": "canary"}
        assert dict(parts.secrets.get("two")) == {}


def test_the_registrys_key_goes_to_the_registry_only() -> None:
    section = SmitherySection(api_key="canary", base_url="https://registry.example")
    assert _origin_headers(Config(smithery=section)) == {"https://registry.example": {"Authorization": "Bearer canary"}}
    assert _origin_headers(Config()) == {}


@pytest.mark.process
async def test_a_remote_server_that_the_operator_wrote_down_is_reached_and_another_is_not() -> None:
    with serving({"/mcp": Page(body=b"here")}) as web:
        url = f"{web.url}/mcp"
        config = Config(server=(ServerSection(name="own", url=url),))
        async with httpx.AsyncClient(transport=remote_transport(config)) as client:
            assert (await client.get(url)).content == b"here"
        async with httpx.AsyncClient(transport=remote_transport(Config())) as client:
            with pytest.raises(RefusedByPolicy):
                await client.get(url)


async def test_without_a_daemon_a_change_has_nobody_to_be_told(tmp_path: Path) -> None:
    async with parts_of(tmp_path) as parts:
        with anyio.fail_after(1):
            assert await parts.changed() is None  # type: ignore[func-returns-value]
            assert await parts.refresh(ServerName("one")) is None  # type: ignore[func-returns-value]
        with pytest.raises(NotFound):
            await parts.finder.show("nowhere", source="starter")
