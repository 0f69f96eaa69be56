"""How the gateway's own tools are described."""

from __future__ import annotations

import json

from gateway.endpoint.builtin_definitions import NAMES, definitions
from gateway.endpoint.definitions import is_schema
from gateway.endpoint.naming import MAX_LENGTH, RESERVED
from gateway.model import ServerName


def test_find_tools_is_described_by_the_servers_that_are_here() -> None:
    made = definitions({ServerName("git"): "Reads   repositories.", ServerName("time"): ""}, installs=False)
    description = json.loads(made["gateway__find_tools"])["description"]
    assert "git (Reads repositories.), time" in description


def test_many_servers_do_not_make_it_long() -> None:
    made = definitions({ServerName(f"server{number:03}"): "x" * 300 for number in range(200)}, installs=False)
    description = json.loads(made["gateway__find_tools"])["description"]
    assert len(description) < 2400
    assert "more" in description[-12:]


def test_without_servers_it_says_so() -> None:
    assert "No server" in json.loads(definitions({}, installs=False)["gateway__find_tools"])["description"]


def test_our_names_are_safe_and_our_schemas_are_schemas() -> None:
    made = definitions({}, installs=True)
    assert tuple(made) == NAMES
    for name, raw in made.items():
        definition = json.loads(raw)
        assert definition["name"] == name
        assert len(name) <= MAX_LENGTH
        assert name not in RESERVED
        assert is_schema(definition["inputSchema"])
        assert definition["inputSchema"]["type"] == "object"
