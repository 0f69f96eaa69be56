"""Other clients' files."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.mcp_servers import read_mcp_servers, valid_name
from gateway.config.server import ServerSection
from gateway.model import SERVER_NAME_PATTERN
from tests.config.problems import raised


def _read(**servers: Any) -> tuple[ServerSection, ...]:
    return read_mcp_servers(json.dumps({"mcpServers": servers}))


def _problems(text: str) -> dict[str, str]:
    return raised(lambda: read_mcp_servers(text))


def test_local_and_remote_servers_are_read() -> None:
    local, remote = _read(
        git={"command": "uvx", "args": ["git", 5], "env": {"A": "1", "DEBUG": True}, "cwd": "/x", "type": "stdio"},
        far={"url": "https://x/mcp", "headers": {"Authorization": "Bearer y"}, "type": "http"},
    )  # fmt: skip
    assert local == ServerSection(
        name="git", command=("uvx",), args=("git", "5"), env={"A": "1", "DEBUG": "true"}, cwd="/x"
    )
    assert remote == ServerSection(name="far", url="https://x/mcp", headers={"Authorization": "Bearer y"})


def test_keys_of_other_clients_are_ignored_and_disabled_servers_left_out() -> None:
    servers = _read(
        on={"command": "x", "disabled": False, "autoApprove": ["a"], "timeout": 60, "alwaysAllow": []},
        off={"command": "x", "disabled": True},
    )
    assert [server.name for server in servers] == ["on"]


@pytest.mark.parametrize("key", ["url", "httpUrl", "serverUrl"])
def test_an_address_may_be_spelled_in_several_ways(key: str) -> None:
    assert _read(far={key: "https://x/mcp"})[0].url == "https://x/mcp"


def test_names_are_made_valid_and_unique() -> None:
    servers = _read(**{name: {"command": "x"} for name in ("My Server!", "my_server", "gateway", "日本", "", "a" * 40)})
    assert [server.name for server in servers] == [
        "my-server",
        "my-server-2",
        "gateway-2",
        "server",
        "server-2",
        "a" * 24,
    ]


@given(names=st.lists(st.text(max_size=40), max_size=30))
def test_any_names_become_valid_and_stay_distinct(names: list[str]) -> None:
    taken: set[str] = set()
    made = [valid_name(name, taken) for name in names]
    assert len(set(made)) == len(names)
    assert all(SERVER_NAME_PATTERN.match(name) for name in made)


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        ({}, "x"),
        ("uvx", "x"),
        ({"command": "a", "url": "https://x"}, "x"),
        ({"command": ["a", "b"]}, "x.command"),
        ({"command": "a", "args": "b"}, "x.args"),
        ({"command": "a", "args": [None]}, "x.args"),
        ({"command": "a", "env": ["A=1"]}, "x.env"),
        ({"command": "a", "env": {"A B": "1"}}, "x.env"),
        ({"command": "a", "cwd": 5}, "x.cwd"),
        ({"command": "a", "type": "http"}, "x.type"),
        ({"url": "https://x", "type": "sse"}, "x.type"),
        ({"url": "https://x", "type": 5}, "x.type"),
        ({"url": "x"}, "x.url"),
        ({"url": 5}, "x.url"),
        ({"url": "https://x", "headers": {"A": "b\nc"}}, "x.headers"),
    ],
)
def test_a_malformed_entry_is_told_by_its_path(entry: Any, path: str) -> None:
    assert set(_problems(json.dumps({"mcpServers": {"x": entry}}))) == {f"mcpServers.{path}"}


def test_all_problems_are_told_at_once() -> None:
    text = json.dumps({"mcpServers": {"a": {}, "b": {"url": "x", "type": "sse"}, "c": {"command": "fine"}}})
    assert set(_problems(text)) == {"mcpServers.a", "mcpServers.b.type", "mcpServers.b.url"}


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000])
def test_text_that_is_no_json_is_one_problem(text: str) -> None:
    assert set(_problems(text)) == {"JSON"}


@pytest.mark.parametrize("text", ["[]", "{}", '{"mcpServers": []}', "null"])
def test_a_file_of_another_kind_says_what_is_expected(text: str) -> None:
    assert "mcpServers" in _problems(text)["mcpServers"]
