"""The wired daemon in one process: no socket, no child; the requests go straight to its app."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.daemon.house import House, build_house
from gateway.daemon.options import ServeOptions
from gateway.daemon.rooms import Site
from gateway.daemon.setup import read_setup
from gateway.facts import ToolsListed
from gateway.model import ServerName, Tool, ToolName, ToolRef
from tests.fakes import FakeClock

URL = "http://127.0.0.1:8808/mcp"
ONE = '[[server]]\nname = "one"\ncommand = ["/nowhere/one"]\nrequired = true\n'
TWO = '[[server]]\nname = "two"\ncommand = ["/nowhere/two"]\n'
NO_AUTH = "[auth]\nenabled = false\n"
QUIET = "[smithery]\nenabled = false\n[registry]\nenabled = false\n"


def site_of(folder: Path) -> Site:
    """What a house with the configuration file in this folder is built from."""
    options = ServeOptions(config_file=folder / "config.toml", state_dir=folder / "state")
    env = {"PATH": "/usr/bin:/bin"}
    setup = read_setup(options, env)
    setup.state.prepare()
    return Site(
        setup=setup,
        options=options,
        env=env,
        clock=FakeClock(),
        rng=random.Random(1),
        url=URL,
        tell=lambda name, step: None,
    )


@asynccontextmanager
async def open_house(folder: Path, text: str = "") -> AsyncIterator[House]:
    """A house with this configuration file."""
    (folder / "config.toml").write_text(QUIET + text)
    async with build_house(site_of(folder)) as house:
        await house.reconcile()
        yield house


def token(house: House, which: str = "admin-token") -> str:
    return house.parts.tokens.load(which).value


async def ask(house: House, path: str, bearer: str | None = None, method: str = "GET", **more: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    transport = httpx.ASGITransport(house.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8808") as client:
        return await client.request(method, path, headers=headers, **more)


def listed(server: str, *names: str) -> ToolsListed:
    tools = tuple(
        Tool(
            ToolRef(ServerName(server), ToolName(name)),
            json.dumps({"name": name, "inputSchema": {"type": "object"}}).encode(),
        )
        for name in names
    )
    return ToolsListed(1.0, ServerName(server), tools, "2025-11-25")


async def test_the_agents_token_opens_the_endpoint_and_not_the_administration(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        agents = token(house, "token")
        statuses = [
            (await ask(house, path, bearer)).status_code
            for path, bearer in [
                ("/api/v1/status", None),
                ("/api/v1/status", agents),
                ("/api/v1/status", token(house)),
                ("/ui", agents),
                ("/healthz", None),
            ]
        ]
        assert (await ask(house, "/mcp", method="POST", json={})).status_code == 401
        assert (await ask(house, "/mcp", agents, method="POST", json={})).status_code not in {401, 403}
    assert statuses == [401, 403, 200, 403, 200]


async def test_without_auth_nobody_is_asked(tmp_path: Path) -> None:
    async with open_house(tmp_path, NO_AUTH) as house:
        assert (await ask(house, "/api/v1/status")).status_code == 200


async def test_a_rotated_token_holds_at_once(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        old = token(house)
        new = (await house.verbs.token_rotate("admin-token"))["token"]
        assert (await ask(house, "/api/v1/status", old)).status_code == 401
        assert (await ask(house, "/api/v1/status", new)).status_code == 200


async def test_the_status_names_the_wanted_servers(tmp_path: Path) -> None:
    async with open_house(tmp_path, ONE + TWO) as house:
        told = (await ask(house, "/api/v1/status", token(house))).json()
    assert [row["name"] for row in told["servers"]] == ["one", "two"]
    assert (told["url"], told["ready"]) == (URL, False)


async def test_it_is_ready_when_it_is_open_and_every_required_server_is(tmp_path: Path) -> None:
    async with open_house(tmp_path, ONE) as house:
        house.is_open = True
        assert house.readiness().details["reasons"] == ["waiting for one"]
        assert (await ask(house, "/readyz")).status_code == 503
    async with open_house(tmp_path, TWO) as house:
        assert not house.readiness().ready
        house.is_open = True
        assert (await ask(house, "/readyz")).status_code == 200


async def test_a_draining_house_takes_no_new_work(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        house.is_open = True
        assert await house.is_ready()
        house.is_draining = True
        assert not await house.is_ready()


async def test_a_store_that_cannot_be_written_shows_in_readiness_until_it_can(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        house.is_open = True
        full = "CREATE TRIGGER full BEFORE UPDATE ON migrations BEGIN SELECT RAISE(ABORT, 'full'); END"
        await house.parts.db.execute(full)
        await house.look_at_store()
        assert not house.readiness().ready
        await house.parts.db.execute("DROP TRIGGER full")
        await house.look_at_store()
        assert house.readiness().ready


async def test_only_the_administration_is_told_what_is_missing(tmp_path: Path) -> None:
    async with open_house(tmp_path, ONE) as house:
        assert (await ask(house, "/readyz")).json() == {"ready": False}
        assert (await ask(house, "/readyz", token(house))).json()["reasons"] == ["starting", "waiting for one"]


async def test_tools_are_known_again_before_any_child_is_up(tmp_path: Path) -> None:
    async with open_house(tmp_path, TWO) as house:
        await house.board.take(listed("two", "say", "sing"))
    async with open_house(tmp_path, TWO) as house:
        assert set(house.endpoint.toolset.entries) == {"two__say", "two__sing"}
        assert [row["tools"] for row in (await house.verbs.status())["servers"]] == [2]


async def test_a_reload_follows_the_file_and_leaves_the_rest_alone(tmp_path: Path) -> None:
    async with open_house(tmp_path, TWO) as house:
        await house.board.take(listed("two", "say"))
        (tmp_path / "config.toml").write_text(QUIET + ONE + TWO + '[tools]\nhide = ["two__say"]\n')
        told = await house.verbs.config_reload()
        assert (told["added"], told["changed"], told["needs_restart"]) == (["one"], [], [])
        assert house.required == {"one"}
        assert set(house.endpoint.toolset.entries) == {"two__say"}
        assert (await house.verbs.config_show())["toml"].count("[[server]]") == 2


async def test_a_server_that_is_no_longer_wanted_takes_its_tools_along(tmp_path: Path) -> None:
    async with open_house(tmp_path, TWO) as house:
        await house.board.take(listed("two", "say"))
        (tmp_path / "config.toml").write_text(QUIET)
        await house.verbs.config_reload()
        assert dict(house.endpoint.toolset.entries) == {}
        assert (await house.verbs.status())["servers"] == []


async def test_a_damaged_policy_does_not_keep_the_daemon_from_starting(tmp_path: Path) -> None:
    (tmp_path / "state" / "learning").mkdir(parents=True)
    (tmp_path / "state" / "learning" / "live.json").write_text("{")
    async with open_house(tmp_path, TWO) as house:
        assert (await house.verbs.learn_status())["experiences"] == 0


async def test_an_approved_change_comes_back_through_the_verb(tmp_path: Path) -> None:
    async with open_house(tmp_path, TWO) as house:
        await house.board.take(listed("two", "say"))
        changed = listed("two", "say")
        tool = changed.tools[0]
        definition = b'{"name":"say","description":"Now it sends.","inputSchema":{"type":"object"}}'
        await house.board.take(ToolsListed(2.0, changed.server, (Tool(tool.ref, definition),), "2025-11-25"))
        assert set(house.endpoint.toolset.entries) == set()
        assert (await house.verbs.approve("two"))["approved"] == 1
        assert set(house.endpoint.toolset.entries) == {"two__say"}


async def test_leftovers_of_killed_installs_are_deleted(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        leftover = tmp_path / "state" / "content" / ".work-killed"
        leftover.mkdir(parents=True)
        await house.tidy_up()
        assert not leftover.exists()


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example"])
async def test_another_name_in_the_host_header_is_refused(tmp_path: Path, host: str) -> None:
    async with open_house(tmp_path) as house:
        transport = httpx.ASGITransport(house.app)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            assert (await client.get("/healthz")).status_code == 403


LAZY = '[[server]]\nname = "one"\ncommand = ["/nowhere/one"]\nrequired = true\nstart = "lazy"\n'


async def test_a_required_server_that_rests_with_known_tools_is_ready_and_settled(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await house.parts.definitions.remember_tools(ServerName("one"), listed("one", "t").tools)
    async with open_house(tmp_path, LAZY) as house:
        assert house.standings() == {"one": "resting"}
        assert house.is_serving(ServerName("one"))
        assert await house.is_settled()
        assert house.not_ready() == ["starting"]  # nothing listens in this test
        assert house.supervisor.status()[0]["state"] == "stopped"
        await house.started(ServerName("one"))
        await house.supervisor.stop(ServerName("one"))
        assert house.standings() == {"one": "stopped"}
        assert "waiting for one" in house.not_ready()


async def test_a_lazy_server_whose_tools_are_unknown_is_not_ready_before_they_were_seen(tmp_path: Path) -> None:
    async with open_house(tmp_path, LAZY) as house:
        assert house.standings() == {"one": "stopped"}
        assert not await house.is_settled()
        assert "waiting for one" in house.not_ready()
