"""Settings and profiles."""

from __future__ import annotations

from gateway.config.install import InstallSection
from gateway.config.sections import Config
from gateway.config.tools import ProfileSection, ToolsSection
from gateway.endpoint.settings import EndpointConfig, matches
from gateway.endpoint.toolset import ServerTools, build_toolset
from gateway.model import ServerName
from tests.endpoint.fakes import tool

ENTRIES = build_toolset(
    {
        ServerName("a"): ServerTools(tools=(tool("a", "x"), tool("a", "y"))),
        ServerName("b"): ServerTools(tools=(tool("b", "x"),)),
    }
).entries


def visible(tools: ToolsSection, profile: ProfileSection | None = None) -> list[str]:
    config = EndpointConfig(tools=tools, profiles=(profile,) if profile else ())
    found = config.profile(profile.name if profile else "")
    assert found is not None
    return list(found.visible(ENTRIES))


def test_settings_come_from_their_sections() -> None:
    config = EndpointConfig.of(Config(install=InstallSection(on_demand="ask"), tools=ToolsSection(max_listed=3)))
    assert (config.on_demand, config.tools.max_listed, config.list_ttl_s) == ("ask", 3, 30.0)


def test_without_a_profile_everything_but_the_hidden_is_visible() -> None:
    assert visible(ToolsSection()) == ["a__x", "a__y", "b__x"]
    assert visible(ToolsSection(hide=("a__*",))) == ["b__x"]


def test_a_profile_narrows_servers_and_tools() -> None:
    assert visible(ToolsSection(), ProfileSection("p", servers=("a",))) == ["a__x", "a__y"]
    assert visible(ToolsSection(), ProfileSection("p", tools=("a__y", "b__*"))) == ["a__y", "b__x"]
    assert visible(ToolsSection(), ProfileSection("p", servers=("a",), tools=("*x",))) == []


def test_a_profile_has_its_own_mode_or_the_general_one() -> None:
    config = EndpointConfig(
        tools=ToolsSection(mode="all", max_listed=9, builtins=False),
        profiles=(ProfileSection("own", mode="search", max_listed=0, builtins=True), ProfileSection("none")),
    )
    own, none = config.profile("own"), config.profile("none")
    assert own is not None
    assert none is not None
    assert (own.mode, own.max_listed, own.builtins) == ("search", 0, True)
    assert (none.mode, none.max_listed, none.builtins) == ("all", 9, False)


def test_an_unknown_profile_is_none() -> None:
    assert EndpointConfig().profile("nosuch") is None


def test_a_star_at_the_end_matches_a_beginning() -> None:
    assert matches(("a__*",), "a__x")
    assert matches(("*",), "anything")
    assert not matches(("a__",), "a__x")
    assert not matches((), "a")
