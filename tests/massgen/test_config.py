"""The printed block: read back with a YAML library, compared with what MassGen's validator is known to want."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from gateway.errors import UsageError
from gateway.massgen.config import FORBIDDEN_PORTS, render_block

URL = "http://127.0.0.1:8808/mcp"


def entries(text: str) -> dict[str, dict[str, Any]]:
    """Each agent's `mcp_servers` entry; fails if there is not exactly one."""
    found = {}
    for agent in yaml.safe_load(text)["agents"]:
        (found[agent["id"]],) = agent["backend"]["mcp_servers"]
    return found


def test_each_agent_gets_an_entry_that_says_who_it_is() -> None:
    found = entries(render_block(URL, ["agent_a", "agent_b"]))
    assert {name: entry["headers"]["X-MCP-Agent"] for name, entry in found.items()} == {
        "agent_a": "agent_a",
        "agent_b": "agent_b",
    }


def test_an_entry_is_complete_and_asks_for_text() -> None:
    assert entries(render_block(URL, ["solo"]))["solo"] == {
        "name": "gateway",
        "type": "streamable-http",
        "url": URL,
        "headers": {"Authorization": "Bearer ${MCP_GATEWAY_TOKEN}", "X-MCP-Agent": "solo", "X-MCP-Text": "1"},
        "security": {"level": "permissive", "allow_localhost": True},
    }


def test_without_agents_there_are_two() -> None:
    assert list(entries(render_block(URL))) == ["agent_a", "agent_b"]


def test_the_token_is_the_only_variable() -> None:
    assert set(re.findall(r"\$\{(\w+)\}", render_block(URL, ["a", "b"]))) == {"MCP_GATEWAY_TOKEN"}


def test_a_launcher_may_add_the_run() -> None:
    entry = entries(render_block(URL, ["a"], token_env="MY_TOKEN", run_env="MCP_RUN_ID"))["a"]
    assert entry["headers"]["X-MCP-Run"] == "${MCP_RUN_ID}"
    assert entry["headers"]["Authorization"] == "Bearer ${MY_TOKEN}"


def test_the_last_line_tells_how_to_export_the_token() -> None:
    last = render_block(URL, ["a"], token_file="/home/o'neil/state dir/token").splitlines()[-1]
    assert last == """# export MCP_GATEWAY_TOKEN="$(cat '/home/o'"'"'neil/state dir/token')\""""


def test_without_a_file_the_hint_asks_the_gateway() -> None:
    assert render_block(URL, ["a"]).splitlines()[-1] == '# export MCP_GATEWAY_TOKEN="$(mcp-gateway token show)"'


def test_the_same_input_gives_the_same_text() -> None:
    assert render_block(URL, ["a", "b"]) == render_block(URL, ["a", "b"])


def test_an_agent_name_outside_ascii_crosses_the_wire_percent_encoded() -> None:
    assert entries(render_block(URL, ["jörg"]))["jörg"]["headers"]["X-MCP-Agent"] == "j%C3%B6rg"


@pytest.mark.parametrize("name", ["yes", "null", "1.5", "0x10"])
def test_a_name_that_yaml_could_take_for_something_else_stays_a_name(name: str) -> None:
    assert list(entries(render_block(URL, [name]))) == [name]


@pytest.mark.parametrize("name", ["", " a", "a b", "a/b", "a:b", "-a", "_a", "${HOME}", 'a"', "a\nb", "a" * 65])
def test_a_name_that_cannot_be_an_agent_is_refused_with_what_to_do(name: str) -> None:
    with pytest.raises(UsageError) as refused:
        render_block(URL, ["good", name])
    assert repr(name) in refused.value.message
    assert refused.value.fix


def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="twice"):
        render_block(URL, ["a", "b", "a"])


@pytest.mark.parametrize("port", sorted(FORBIDDEN_PORTS))
def test_a_port_that_massgen_forbids_is_refused_by_name(port: int) -> None:
    with pytest.raises(UsageError, match=f"port {port}"):
        render_block(f"http://127.0.0.1:{port}/mcp", ["a"])


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8808/mcp",
        "ftp://127.0.0.1/mcp",
        "http:///mcp",
        "http://127.0.0.1:0/mcp",
        "http://127.0.0.1:99999/mcp",
        "http://127.0.0.1:port/mcp",
        "http://[::1/mcp",
        "http://127.0.0.1:8808/m cp",
        "http://127.0.0.1:8808/mcp?run=${RUN}",
        "http://127.0.0.1:8808/mcp\n",
        "http://127.0.0.1:8808/mcp?token=s3cret",
        "http://user:s3cret@127.0.0.1:8808/mcp",
        "http://127.0.0.1:8808/" + "a" * 2048,
    ],
)
def test_an_address_that_massgen_would_refuse_or_misread_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="MassGen cannot use"):
        render_block(url, ["a"])


@pytest.mark.parametrize(
    ("listening", "reachable"),
    [
        ("http://0.0.0.0:8808/mcp", "http://127.0.0.1:8808/mcp"),
        ("http://[::]:8808/mcp/p/quiet", "http://[::1]:8808/mcp/p/quiet"),
        ("http://0.0.0.0/mcp", "http://127.0.0.1/mcp"),
        ("https://tools.example.org/mcp?run=r1", "https://tools.example.org/mcp?run=r1"),
    ],
)
def test_an_address_for_every_interface_becomes_one_that_can_be_reached(listening: str, reachable: str) -> None:
    assert entries(render_block(listening, ["a"]))["a"]["url"] == reachable


@pytest.mark.parametrize(
    ("host", "allowed"),
    [("127.0.0.1", False), ("10.0.0.5", True), ("[fd00::1]", True), ("8.8.8.8", False), ("tools.example.org", False)],
)
def test_a_private_address_is_allowed_expressly(host: str, allowed: bool) -> None:
    security = entries(render_block(f"http://{host}:8808/mcp", ["a"]))["a"]["security"]
    assert security.get("allow_private_ips", False) is allowed


@pytest.mark.parametrize("variable", ["", "token", "1TOKEN", "MY-TOKEN", "MY TOKEN"])
def test_a_variable_that_massgen_would_not_fill_in_is_refused(variable: str) -> None:
    with pytest.raises(UsageError, match="variable"):
        render_block(URL, ["a"], token_env=variable)
