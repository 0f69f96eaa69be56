"""Reading MCPB manifests, hostile ones included."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

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


def test_a_platforms_override_replaces_each_field_that_it_gives_whole() -> None:
    manifest = parse(document(), "win32")
    assert (manifest.command, manifest.env, manifest.args) == (
        "node.exe",
        {"B": "3"},
        ("${__dirname}/server/index.js",),
    )


def test_other_platforms_are_not_touched_by_an_override() -> None:
    assert parse(document()).command == "node"


def test_tools_and_prompts_are_read_by_name() -> None:
    manifest = parse(document(tools=[{"name": "a"}, {"name": "b"}], tools_generated=True, prompts=[{"name": "p"}]))
    assert (manifest.tools, manifest.tools_generated) == (("a", "b"), True)
    assert (manifest.prompts, manifest.prompts_generated) == (("p",), False)


def test_what_is_said_of_other_hosts_is_ignored() -> None:
    found = document(compatibility={"claude_desktop": ">=99", "platforms": ["linux"], "runtimes": {"node": ">=18"}})
    assert (parse(found).platforms, parse(found).runtimes) == (("linux",), {"node": ">=18"})


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
        document(tools="x"),
        document(tools=["x"]),
        document(prompts=[{"name": 5}]),
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
    assert (caught.value.step, bool(caught.value.fix)) == ("manifest", True)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b" " * (MAX_MANIFEST_BYTES + 1)])
def test_what_is_not_json_is_an_install_error(data: bytes) -> None:
    with pytest.raises(InstallError):
        parse_manifest(data, "linux")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_PLACES = [
    ("manifest_version",), ("dxt_version",), ("name",), ("version",), ("server",), ("server", "type"),
    ("server", "entry_point"), ("server", "mcp_config"), ("server", "mcp_config", "args"),
    ("server", "mcp_config", "env"),
    ("server", "mcp_config", "platform_overrides"), ("compatibility",), ("compatibility", "platforms"),
    ("compatibility", "runtimes"), ("user_config",), ("tools",), ("prompts",), ("description",), ("user_config", "k"),
    ("user_config", "k", "min"), ("user_config", "k", "type"), ("user_config", "k", "default"),
]  # fmt: skip


@given(st.sampled_from(_PLACES), _JSON)
@example(("manifest_version",), [])
@example(("user_config", "k", "max"), 10**400)
def test_no_value_of_any_kind_anywhere_does_more_than_be_refused(place: tuple[str, ...], value: object) -> None:
    document = {
        "manifest_version": "0.3", "name": "x", "version": "1", "user_config": {"k": {"type": "string"}},
        "server": {"type": "node", "entry_point": "a.js", "mcp_config": {"command": "node", "args": []}},
    }  # fmt: skip
    *parents, last = place
    at: Any = document
    for name in parents:
        at = at.setdefault(name, {})
    at[last] = value
    with suppress(InstallError):
        assert parse_manifest(json.dumps(document).encode(), "linux").kind == "node"


@pytest.mark.parametrize("field", ["name", "version", "description", "display_name"])
def test_half_a_character_anywhere_is_refused(field: str) -> None:
    with pytest.raises(InstallError, match="not valid Unicode"):
        parse(document(**{field: "x\ud800"}))


@pytest.mark.parametrize("field", ["name", "version"])
@pytest.mark.parametrize("char", ["\n", "\x1b", "\x7f", "\x9b"])
def test_name_and_version_hold_no_control_characters(field: str, char: str) -> None:
    with pytest.raises(InstallError, match=f"{field} holds control characters"):
        parse(document(**{field: f"a{char}b"}))


@pytest.mark.parametrize("config", [{"args": ["a\0b"]}, {"args": [1]}, {"env": {"A\0": "x"}}, {"env": {"A": "\0"}}])
def test_what_no_process_can_be_given_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(InstallError, match="not a text"):
        parse(document(server={"type": "node", "mcp_config": {"command": "node", **config}}))
