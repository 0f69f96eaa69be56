"""Names before they reach a path, and the addresses made of them."""

from __future__ import annotations

import pytest

from gateway.discovery.connect.names import (
    connection_id,
    mcp_address,
    namespace_name,
    place_of,
    rest_base,
    tool_path,
)
from gateway.errors import UsageError

API = "https://api.smithery.ai"
HOSTILE = ["", ".", "..", "a/b", "a/../b", "a%2fb", "-a", "a b", "a?b", "a#b", "a\n", "ä", "a" * 300, "a\u0000"]


@pytest.mark.parametrize("name", [*HOSTILE, "servers", "tokens", "connect", ".tools"])
def test_what_could_leave_its_place_is_no_namespace(name: str) -> None:
    with pytest.raises(UsageError):
        namespace_name(name)


@pytest.mark.parametrize("name", [*HOSTILE, ".tools", "a..b"])
def test_what_could_leave_its_place_is_no_connection(name: str) -> None:
    with pytest.raises(UsageError):
        connection_id(name)


@pytest.mark.parametrize("name", ["", "..", "a/../b", "a..b", "/a", "a/", "a b", "a%2e", "a?x", "ä"])
def test_what_could_leave_its_place_is_no_tool(name: str) -> None:
    with pytest.raises(UsageError):
        tool_path(name)


def test_ordinary_names_pass() -> None:
    assert (namespace_name("my-app_2"), connection_id("wx.1-2_3")) == ("my-app_2", "wx.1-2_3")


@pytest.mark.parametrize("name", ["people.greet", "people/greet"])
def test_the_dots_of_a_tool_become_slashes(name: str) -> None:
    assert tool_path(name) == "people/greet"


def test_an_mcp_address_leads_back_to_its_place() -> None:
    url = mcp_address(API + "/", "my-app", "wx")
    assert url == "https://api.smithery.ai/connect/my-app/wx/mcp"
    assert place_of(url, API) == ("my-app", "wx")


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/connect/my-app/wx/mcp", "https://api.smithery.ai.evil.example/connect/my-app/wx/mcp",
        "http://api.smithery.ai/connect/my-app/wx/mcp", "https://api.smithery.ai/connect/my-app/wx",
        "https://api.smithery.ai/connect/my-app/../mcp", "https://api.smithery.ai/connect/my-app/wx/mcp?x=1",
        "https://api.smithery.ai@evil.example/connect/my-app/wx/mcp", "https://api.smithery.ai/connect/a/b/c/mcp",
    ],
)  # fmt: skip
def test_any_other_address_is_no_place(url: str) -> None:
    assert place_of(url, API) is None


def test_connect_has_a_host_of_its_own_or_lies_below_the_api() -> None:
    assert rest_base("https://smithery.run/", API) == "https://smithery.run"
    assert rest_base("https://API.smithery.ai", API) == "https://api.smithery.ai/connect"
