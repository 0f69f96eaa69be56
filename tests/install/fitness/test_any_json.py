"""Whatever a registry answers is judged, never stumbled over."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.install.fitness.listings import judge
from gateway.install.fitness.tools import tool_checks
from gateway.listing import BundleConnection, ListedTool, RemoteConnection
from tests.install.values import MACHINE, listing

KEYWORDS = [
    "type", "format", "required", "properties", "items", "enum", "anyOf", "allOf", "additionalProperties", "default",
    "minLength", "multipleOf", "title", "description", "$ref", "pattern", "x-from", "headerName", "const",
]  # fmt: skip
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from(["object", "string", "array", "#/properties/a", "a", "("])
)  # fmt: skip
KEYS = st.sampled_from([*KEYWORDS, "a", "b"]) | st.text(max_size=4)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)
SCHEMAS = st.dictionaries(KEYS, JSON, max_size=5)
TOOLS = st.lists(st.builds(ListedTool, st.text(max_size=8), st.text(max_size=8), SCHEMAS), max_size=4)


@given(SCHEMAS, TOOLS)
def test_any_json_gets_a_verdict(schema: dict[str, Any], tools: list[ListedTool]) -> None:
    ways = (
        BundleConnection("https://x.example/b", config_schema=schema),
        RemoteConnection("https://x.example", "streamable-http", schema),
    )
    found = judge(listing(*ways, tools=tuple(tools)), MACHINE)
    assert len(found.connections) == 2
    assert found.verdict.checks


@pytest.mark.parametrize(
    "schema",
    [
        {"required": [[1]], "properties": {}},
        {"required": [{"a": 1}, None]},
        {"type": "string", "format": []},
        {"type": "string", "format": {"a": 1}},
        {"format": []},
        {"type": "object", "properties": {"a": {"minLength": float("inf"), "maxItems": float("nan")}}},
    ],
)
def test_a_keyword_of_another_kind_is_an_objection_and_no_accident(schema: dict[str, Any]) -> None:
    (_, *objections) = tool_checks([ListedTool("t", "", schema)], "x")
    assert any("Anthropic" in check.message or "Gemini" in check.message for check in objections)


def test_a_schema_that_is_nested_without_end_is_an_objection() -> None:
    deep: Any = "x"
    for _ in range(5000):
        deep = [deep]
    schema = {"type": "string", "required": [deep], "format": deep, "properties": {"a": {"items": deep}}}
    with pytest.raises(RecursionError):
        json.dumps(schema)
    messages = [check.message for check in tool_checks([ListedTool("t", "", schema)], "x")]
    assert any("a required name is not a text" in message for message in messages)
