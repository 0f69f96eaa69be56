"""Where the state directory lies."""

from __future__ import annotations

import sys
from pathlib import Path

import platformdirs
import pytest

from gateway.admin.location import base_url, endpoint_url, state_directory

HOME = Path("/home/u")
EVERYTHING = {"MCP_GATEWAY_STATE": "/from-env", "STATE_DIRECTORY": "/systemd/a:/systemd/b", "XDG_STATE_HOME": "/xdg"}


@pytest.mark.parametrize(
    ("option", "missing", "configured", "expected"),
    [
        ("/option", (), "/file", "/option"),
        (None, (), "/file", "/from-env"),
        (None, ("MCP_GATEWAY_STATE",), "/file", "/systemd/a"),
        (None, ("MCP_GATEWAY_STATE", "STATE_DIRECTORY"), "/file", "/file"),
        (None, ("MCP_GATEWAY_STATE", "STATE_DIRECTORY"), "", "/xdg/mcp-gateway"),
        (None, tuple(EVERYTHING), "", "/home/u/.local/state/mcp-gateway"),
        ("~/here", (), "", "/home/u/here"),
    ],
)
def test_the_first_that_is_given_wins(
    option: str | None, missing: tuple[str, ...], configured: str, expected: str
) -> None:
    environ = {name: value for name, value in EVERYTHING.items() if name not in missing}

    assert state_directory(option, environ, configured=configured, home=HOME, platform="linux") == Path(expected)


def test_an_empty_variable_counts_as_not_set() -> None:
    environ = {"MCP_GATEWAY_STATE": "", "STATE_DIRECTORY": "", "XDG_STATE_HOME": ""}

    assert state_directory(None, environ, home=HOME, platform="linux") == HOME / ".local/state/mcp-gateway"


def test_on_a_mac_it_lies_where_programs_keep_theirs() -> None:
    place = state_directory(None, {}, home=HOME, platform="darwin")

    assert place == HOME / "Library/Application Support/mcp-gateway"


def test_the_platforms_place_is_the_one_that_platformdirs_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)

    assert state_directory(None, {}, platform=sys.platform) == platformdirs.user_state_path("mcp-gateway")


@pytest.mark.parametrize("url", ["http://h:1", "http://h:1/", "http://h:1/mcp", "http://h:1/mcp/"])
def test_an_address_may_name_the_endpoint_or_not(url: str) -> None:
    assert base_url(url) == "http://h:1"
    assert endpoint_url(url) == "http://h:1/mcp"
