"""What each provider refuses."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.install.fitness.tool_schemas import MAX_NODES, is_offered, problems_of
from gateway.listing import ListedTool


def problems(schema: dict[str, Any], *, name: str = "x__tool", description: str = "") -> dict[str, list[str]]:
    return problems_of(name, ListedTool("tool", description, schema))


def with_part(part: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": part}}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {}},
        {"type": "object", "properties": {"a": {"type": "string", "enum": ["x"]}}, "required": ["a"]},
        with_part({"type": "array", "items": {"type": "object", "properties": {"b": {"type": "integer"}}}}),
        with_part({"anyOf": [{"type": "string"}, {"type": "integer"}]}),
        {**with_part({"type": "string"}), "additionalProperties": False, "$schema": "http://json-schema.org/schema#"},
        with_part({"type": "string", "format": "date-time"}),
    ],
)
def test_a_plain_schema_is_taken_by_all(schema: dict[str, Any]) -> None:
    assert problems(schema) == {}


@pytest.mark.parametrize(
    ("schema", "providers"),
    [
        ({"type": "string"}, {"OpenAI", "Anthropic", "xAI"}),
        ({"type": "object"}, {"OpenAI"}),
        ({**with_part({}), "anyOf": [{}]}, {"OpenAI", "Anthropic"}),
        ({**with_part({}), "oneOf": [{}]}, {"OpenAI", "Anthropic", "Gemini"}),
        ({**with_part({}), "not": {}}, {"OpenAI", "Gemini"}),
        (with_part({"type": "array"}), {"OpenAI", "Gemini"}),
        (with_part({"$ref": "#/$defs/x"}), {"Gemini"}),
        (with_part({"type": ["string", "null"]}), {"Gemini"}),
        (with_part({"type": "integer", "enum": [1]}), {"Gemini"}),
        (with_part({"type": "string", "format": "uri"}), {"Gemini"}),
        (with_part({"const": 1}), {"Gemini"}),
        ({"type": "object", "properties": {}, "required": ["b"]}, {"Gemini"}),
        ({"type": "object", "properties": {"a b": {}}}, {"Anthropic"}),
        ({"type": "object", "properties": {"x" * 65: {}}}, {"Anthropic"}),
        (with_part({"minimum": "x"}), {"Anthropic"}),
        (with_part({"items": {"anyOf": [{"type": "array"}]}}), {"OpenAI", "Gemini"}),
    ],
)
def test_each_rule_is_its_providers_own(schema: dict[str, Any], providers: set[str]) -> None:
    assert problems(schema).keys() == providers


def test_a_long_description_and_a_first_digit_are_told() -> None:
    fine = {"type": "object", "properties": {}}
    assert problems(fine, description="x" * 1025).keys() == {"OpenAI"}
    assert problems(fine, name="1x__tool") == {"Gemini": ["its name begins with a digit"]}


def test_a_huge_schema_is_looked_at_so_far_and_no_further() -> None:
    huge = {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(2 * MAX_NODES)}}
    assert problems(huge) == {"Anthropic": [f"its schema is not valid: it has more than {MAX_NODES} parts"]}


def test_a_tool_without_an_object_for_input_is_not_offered() -> None:
    schemas: list[dict[str, Any]] = [{}, {"type": "object"}, {"type": "string"}, {"properties": {}}]
    assert [is_offered(ListedTool("t", "", schema)) for schema in schemas] == [True, True, False, False]
