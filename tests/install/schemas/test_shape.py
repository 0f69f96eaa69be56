"""What is no schema, and what is too much of one."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.install.schemas.shape import MAX_DEPTH, MAX_SCHEMA_BYTES, malformed, why_not_used


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(levels):
        schema = {"items": schema}
    return schema


def test_an_ordinary_schema_is_used() -> None:
    schema = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "x-from": {"query": "b"}}}}
    assert (why_not_used(schema), malformed(schema)) == (None, None)


def test_a_schema_that_is_too_large_or_too_deep_is_not_used() -> None:
    assert "64 KiB" in (why_not_used({"description": "x" * MAX_SCHEMA_BYTES}) or "")
    assert "deeper" in (why_not_used(nested(MAX_DEPTH)) or "")
    assert why_not_used(nested(MAX_DEPTH - 1)) is None


def test_what_is_not_json_is_not_used() -> None:
    assert why_not_used({"default": object()}) == "it is not JSON"


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"type": "nonsense"}, "type is malformed"),
        ({"type": []}, "type is malformed"),
        ({"required": "a"}, "required is malformed"),
        ({"required": [1]}, "required is malformed"),
        ({"minimum": "1"}, "minimum is malformed"),
        ({"minimum": True}, "minimum is malformed"),
        ({"minLength": 1.5}, "minLength is malformed"),
        ({"minLength": -1}, "minLength is malformed"),
        ({"multipleOf": 0}, "multipleOf is malformed"),
        ({"enum": "abc"}, "enum is malformed"),
        ({"anyOf": []}, "anyOf is malformed"),
        ({"anyOf": [1]}, "anyOf is not a schema"),
        ({"properties": []}, "properties is malformed"),
        ({"properties": {"a": 1}}, "properties.a is not a schema"),
        ({"properties": {"a": {"items": {"type": "str"}}}}, "properties.a.items.type is malformed"),
        ({"dependentRequired": {"a": "b"}}, "dependentRequired is malformed"),
        ({"$ref": 1}, "$ref is malformed"),
        ({"items": [{}]}, "items is not a schema"),
    ],
)
def test_the_malformed_keyword_is_named(schema: dict[str, Any], says: str) -> None:
    assert malformed(schema) == says


def test_true_and_false_are_schemas() -> None:
    assert malformed({"properties": {"a": True}, "additionalProperties": False, "items": True}) is None


def test_data_is_not_taken_for_a_schema() -> None:
    assert malformed({"default": {"type": 1}, "enum": [{"minimum": "x"}], "examples": [{"required": 1}]}) is None


def test_a_schema_that_is_nested_without_end_is_malformed() -> None:
    schema: dict[str, Any] = {}
    schema["items"] = schema
    assert malformed(schema) == "it is nested too deeply"
