"""A changed file is applied whole or not at all."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from gateway.config import Config
from gateway.daemon.options import ServeOptions
from gateway.daemon.reload import Reloader, compare
from gateway.daemon.setup import read_setup
from gateway.daemon.specs import wanted
from gateway.daemon.workshop import Current
from gateway.errors import ConfigError, GatewayError
from gateway.model import Origin, ServerName, ServerSpec, StdioLaunch

ONE = '[[server]]\nname = "one"\ncommand = ["one"]\n'
TWO = '[[server]]\nname = "two"\ncommand = ["two"]\n'


def spec(name: str, program: str = "x") -> ServerSpec:
    return ServerSpec(ServerName(name), "command", Origin.CONFIG, StdioLaunch((program,)))


class Site:
    """A daemon's configuration: the file, what is in force, and what was applied."""

    def __init__(self, folder: Path, text: str) -> None:
        self.file = folder / "config.toml"
        self.file.write_text(text)
        self.env = {"MCP_GATEWAY_STATE": str(folder / "state")}
        options = ServeOptions(config_file=self.file)
        setup = read_setup(options, self.env)
        self.current = Current(setup.config)
        self.applied: list[Config] = []
        self.applying = self.most_applying = 0
        self.reload = Reloader(
            options=options, env=self.env, current=self.current, wanted=self.wanted, apply=self.apply
        )

    async def wanted(self) -> list[ServerSpec]:
        return wanted(self.current(), [], Origin.CONFIG, {})

    async def apply(self, config: Config) -> None:
        self.applying += 1
        self.most_applying = max(self.most_applying, self.applying)
        await anyio.lowlevel.checkpoint()
        self.applied.append(config)
        self.applying -= 1


def test_two_sets_are_compared_by_name_and_content() -> None:
    told = compare([spec("a"), spec("b"), spec("c")], [spec("b"), spec("c", "y"), spec("d")])
    assert told == {"changed": ["c"], "added": ["d"], "removed": ["a"], "unchanged": 1}


async def test_a_changed_file_is_applied_and_told(tmp_path: Path) -> None:
    site = Site(tmp_path, ONE)
    site.file.write_text(ONE + TWO)
    told = await site.reload()
    assert (told["added"], told["unchanged"], told["needs_restart"]) == (["two"], 1, [])
    assert told["file"] == str(site.file)
    assert [server.name for server in site.applied[0].server] == ["one", "two"]
    assert site.current() is site.applied[0]


@pytest.mark.parametrize("bad", ["[gateway]\nport = 0.5", "not toml", '[[server]]\nname = "one"'])
async def test_a_bad_file_changes_nothing(tmp_path: Path, bad: str) -> None:
    site = Site(tmp_path, ONE)
    before = site.current()
    site.file.write_text(bad)
    with pytest.raises(ConfigError):
        await site.reload()
    assert site.current() is before
    assert site.applied == []


async def test_a_file_that_is_gone_changes_nothing(tmp_path: Path) -> None:
    site = Site(tmp_path, ONE)
    before = site.current()
    site.file.unlink()
    with pytest.raises(GatewayError):
        await site.reload()
    assert (site.current() is before, site.applied) == (True, [])


async def test_what_only_a_restart_can_change_is_told(tmp_path: Path) -> None:
    site = Site(tmp_path, ONE)
    site.file.write_text(f'[gateway]\nport = 1234\n[learning]\nseed = 7\n[tools]\nmode = "all"\n{ONE}')
    assert (await site.reload())["needs_restart"] == ["gateway", "learning"]


async def test_reloads_come_one_after_the_other(tmp_path: Path) -> None:
    site = Site(tmp_path, ONE)
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(site.reload)
    assert (len(site.applied), site.most_applying) == (3, 1)


async def test_an_unchanged_file_changes_nothing(tmp_path: Path) -> None:
    site = Site(tmp_path, ONE)
    told = await site.reload()
    assert (told["changed"], told["added"], told["removed"], told["unchanged"]) == ([], [], [], 1)


async def test_what_cannot_be_applied_is_not_in_force(tmp_path: Path) -> None:
    site = Site(tmp_path, ONE)
    before = site.current()

    async def failing(config: Config) -> None:
        site.applied.append(config)
        if config is not before:
            raise RuntimeError("a bug")

    reload = Reloader(
        options=ServeOptions(config_file=site.file),
        env=site.env,
        current=site.current,
        wanted=site.wanted,
        apply=failing,
    )
    site.file.write_text(ONE + TWO)
    with pytest.raises(RuntimeError, match="a bug"):
        await reload()
    assert site.current() is before
    assert site.applied[-1] is before
