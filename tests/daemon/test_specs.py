from __future__ import annotations

import msgspec
import pytest

from gateway.config.limits import LimitsTable
from gateway.config.sections import Config
from gateway.config.server import HealthTable, RestartTable, ServerSection
from gateway.daemon.specs import missing_installs, spec_of_section, wanted
from gateway.model import Origin, RemoteLaunch, ServerName, ServerSpec, StdioLaunch


def installed(name: str = "time", from_: str = "pypi:mcp-server-time==1") -> ServerSpec:
    return ServerSpec(ServerName(name), from_, Origin.CLI, StdioLaunch(("python", "time.py")))


def spec(**members: object) -> ServerSpec:
    return spec_of_section(ServerSection(**members), Origin.CONFIG, {"PATH": "/bin"})  # type: ignore[arg-type]


def test_a_command_gets_the_base_environment_its_own_and_its_secrets() -> None:
    launch = spec(name="a", command=("run",), args=("-x",), env={"A": "1"}, secrets=("KEY",)).launch
    assert launch == StdioLaunch(("run", "-x"), {"PATH": "/bin", "A": "1", "KEY": "${secret:KEY}"})


def test_a_url_becomes_a_remote_server() -> None:
    assert spec(name="a", url="https://a.example/mcp", headers={"X": "1"}).launch == RemoteLaunch(
        "https://a.example/mcp", {"X": "1"}
    )


def test_the_tables_carry_systemds_numbers_into_the_policies() -> None:
    made = spec(
        name="a",
        command=("run",),
        restart=RestartTable(RestartSec=2, StartLimitBurst=3),
        health=HealthTable(IntervalSec=4),
        limits=LimitsTable(timeout_s=5),
    )
    assert (made.restart.restart_sec, made.restart.start_limit_burst) == (2, 3)
    assert (made.health.interval_sec, made.call.timeout_sec) == (4, 5)


def test_a_section_of_the_same_name_wins_over_what_is_installed() -> None:
    config = Config(server=(ServerSection(name="time", command=("mine",)),))
    assert [s.launch for s in wanted(config, [installed()], Origin.CONFIG, {})] == [StdioLaunch(("mine",))]


def test_a_section_with_from_overlays_what_is_installed() -> None:
    config = Config(server=(ServerSection(name="time", from_="pypi:mcp-server-time==1", prefix="t", required=True),))
    (made,) = wanted(config, [installed()], Origin.CONFIG, {})
    assert (made.prefix, made.required, made.launch) == ("t", True, installed().launch)


def test_a_section_with_from_is_not_wanted_before_it_is_installed() -> None:
    config = Config(server=(ServerSection(name="time", from_="pypi:mcp-server-time"),))
    assert wanted(config, [], Origin.CONFIG, {}) == []
    assert missing_installs(config, []) == list(config.server)


def test_a_section_that_asks_for_another_package_is_missing() -> None:
    config = Config(server=(ServerSection(name="time", from_="npm:other"),))
    assert missing_installs(config, [installed()]) == list(config.server)


@pytest.mark.parametrize(
    ("found", "asked"),
    [
        ("smithery:acme/echo", "acme/echo"),
        ("smithery:acme/echo", "smithery:@acme/echo"),
        ("registry:io.github.Acme/echo", "registry:io.github.acme/echo"),
        ("registry:io.github.acme/echo", "registry:io.github.acme/echo@1.0"),
        ("npm:@acme/echo@1.0", "npm:@acme/echo"),
        ("pypi:echo[b,a]==1.0", "pypi:echo[b,a]"),
    ],
)
def test_what_is_installed_is_recognised_however_it_was_asked_for(found: str, asked: str) -> None:
    config = Config(server=(ServerSection(name="echo", from_=asked),))
    spec = msgspec.structs.replace(installed("echo", found.replace("b,a", "a,b")), version="1.0")
    assert missing_installs(config, [spec]) == []


@pytest.mark.parametrize(
    ("found", "asked"),
    [
        ("smithery:acme/echo", "registry:acme/echo"),
        ("npm:acme", "acme"),
        ("npm:echo@1.0", "npm:echo@1.0.1"),
        ("registry:io.github.acme/echo", "registry:io.github.acme/echo@2.0"),
        ("npm:echo@1.0", "npm:echo@latest"),
    ],
)
def test_something_else_is_not_taken_for_it(found: str, asked: str) -> None:
    config = Config(server=(ServerSection(name="echo", from_=asked),))
    spec = msgspec.structs.replace(installed("echo", found), version="1.0")
    assert missing_installs(config, [spec]) == list(config.server)


def test_what_was_installed_for_a_block_goes_with_the_block() -> None:
    spec = msgspec.structs.replace(installed(), origin=Origin.CONFIG)
    assert wanted(Config(), [spec], Origin.CONFIG, {}) == []


def test_any_version_will_do_for_a_section_without_one() -> None:
    config = Config(server=(ServerSection(name="time", from_="pypi:mcp-server-time"),))
    assert missing_installs(config, [installed()]) == []
