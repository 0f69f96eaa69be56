"""Reading MCPB manifests, hostile ones included."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.errors import InstallError
from gateway.install.bundles.manifest import MAX_MANIFEST_BYTES, Option, parse_manifest


def document(**changes: Any) -> dict[str, Any]:
    return {
        "manifest_version": "0.3",
        "name": "notes",
        "version": "1.0.0",
        "server": {
            "type": "node",
            "entry_point": "server/index.js",
            "mcp_config": {
                "command": "node",
                "args": ["${__dirname}/server/index.js"],
                "env": {"A": "1", "B": "2"},
                "platform_overrides": {"win32": {"command": "node.exe", "env": {"B": "3"}}},
            },
        },
    } | changes


def parse(found: Any, platform: str = "linux") -> Any:
    return parse_manifest(json.dumps(found).encode(), platform)


@pytest.mark.parametrize("version", ["0.1", "0.2", "0.3", "0.4"])
def test_each_version_of_the_format_is_read(version: str) -> None:
    assert parse(document(manifest_version=version)).entry_point == "server/index.js"


def test_the_old_name_of_the_format_is_read_as_well() -> None:
    found = document(dxt_version="0.1")
    del found["manifest_version"]
    assert parse(found).name == "notes"


def test_a_platforms_override_replaces_fields_and_joins_the_environment() -> None:
    manifest = parse(document(), "win32")
    assert (manifest.command, manifest.env, manifest.args) == (
        "node.exe",
        {"A": "1", "B": "3"},
        ("${__dirname}/server/index.js",),
    )


def test_other_platforms_are_not_touched_by_an_override() -> None:
    assert parse(document()).command == "node"


def test_options_are_read_with_their_limits() -> None:
    manifest = parse(
        document(
            user_config={"n": {"type": "number", "title": "N", "required": True, "default": 2, "min": 1, "max": 9}}
        )
    )
    assert manifest.options["n"] == Option("n", "number", "N", required=True, default=2, minimum=1.0, maximum=9.0)


@pytest.mark.parametrize(
    "found",
    [
        document(manifest_version="9.9"),
        document(manifest_version=None),
        document(name=None),
        document(version=3),
        document(server=[]),
        document(server={"type": "rust"}),
        document(server={"type": "node", "entry_point": "a\0b"}),
        document(server={"type": "node", "entry_point": "x", "mcp_config": {"args": "x"}}),
        document(server={"type": "node", "entry_point": "x", "mcp_config": {"args": [1]}}),
        document(server={"type": "node", "entry_point": "x", "mcp_config": {"env": {"A": 1}}}),
        document(user_config={"a": "x"}),
        document(user_config={"a": {"type": "rocket"}}),
        document(user_config={"../a": {"type": "string"}}),
        [],
        "text",
        None,
    ],
)
def test_a_malformed_manifest_is_an_install_error(found: object) -> None:
    with pytest.raises(InstallError) as caught:
        parse(found)
    assert caught.value.step == "manifest"


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b" " * (MAX_MANIFEST_BYTES + 1)])
def test_what_is_not_json_is_an_install_error(data: bytes) -> None:
    with pytest.raises(InstallError):
        parse_manifest(data, "linux")
