"""Problems in words: the key, the rule, what is allowed, never the value."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.install.schemas.engine import Judge
from gateway.install.schemas.wording import choices, kind, worded

SECRET = "hunter2"


def words(schema: dict[str, Any], value: Any, key: str = "key") -> str | None:
    return worded(key, Judge(schema).errors(value)[0])


@pytest.mark.parametrize(
    ("schema", "value", "says"),
    [
        ({"enum": ["si", "us", 3, True, None]}, SECRET, "'key' must be one of 'si', 'us', '3', 'true', 'null'"),
        ({"const": "x"}, SECRET, "'key' must be 'x'"),
        ({"type": "integer"}, SECRET, "'key' must be a whole number"),
        ({"type": ["number", "null"]}, SECRET, "'key' must be a number"),
        ({"type": ["array", "object"]}, SECRET, "'key' must be a list or an object"),
        ({"minimum": 1}, 0, "'key' must be at least 1"),
        ({"maximum": 9}, 10, "'key' must be at most 9"),
        ({"exclusiveMinimum": 0}, 0, "'key' must be more than 0"),
        ({"exclusiveMaximum": 9}, 9, "'key' must be less than 9"),
        ({"multipleOf": 5}, 7, "'key' must be a multiple of 5"),
        ({"minLength": 8}, SECRET, "'key' must have at least 8 characters"),
        ({"maxLength": 2}, SECRET, "'key' must have at most 2 characters"),
        ({"pattern": "^[0-9]+$"}, SECRET, "'key' must match the pattern ^[0-9]+$"),
        ({"format": "uri"}, SECRET, "'key' must be a uri, like https://example.com/path"),
        ({"minItems": 1}, [], "'key' must hold at least 1 items"),
        ({"uniqueItems": True}, [SECRET, SECRET], "'key' must not hold the same thing twice"),
        ({"items": {"type": "integer"}}, [1, SECRET], "'key.1' must be a whole number"),
        ({"required": ["a", "b"]}, {"a": SECRET}, "'key' lacks 'b'"),
        ({"properties": {"a": {"properties": {"b": {"type": "integer"}}}}}, {"a": {"b": SECRET}}, "'key.a.b' must be"),
        ({"additionalProperties": False}, {"a": SECRET}, "'key.a' is not asked for"),
        ({"anyOf": [{"type": "integer"}, {"minLength": 20}]}, SECRET, "'key' "),
        ({"not": {"const": SECRET}}, SECRET, "'key' is one of the values that are excluded"),
        ({"contains": {"const": 1}}, [SECRET], "'key' does not satisfy contains"),
        ({"dependentRequired": {"a": ["b"]}}, {"a": SECRET}, "'key' lacks a key that another one needs: a needs b"),
    ],
)
def test_a_problem_names_key_and_rule_and_never_the_value(schema: dict[str, Any], value: Any, says: str) -> None:
    sentence = words(schema, value)
    assert sentence is not None
    assert sentence.startswith(says)
    assert SECRET not in sentence


def test_nothing_wrong_is_no_sentence() -> None:
    assert words({"type": "string"}, "x") is None


def test_what_is_wrong_with_the_whole_says_so() -> None:
    assert words({"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, {}, "") is not None
    assert "the configuration" in (words({"minProperties": 1}, {}, "") or "")


def test_a_long_choice_is_cut_and_a_long_sentence_too() -> None:
    assert choices(map(str, range(30))).endswith("'19', and 10 more")
    assert len(words({"pattern": "^" + "a?" * 200 + "$"}, "b") or "") <= 300


def test_null_alone_means_left_out() -> None:
    assert kind("null") == "left out"
