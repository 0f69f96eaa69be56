"""The validator with limits: what strangers' schemas can do to it, and what it still does right."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema.validators import Draft202012Validator

from gateway.install.schemas.engine import MAX_ERRORS, Judge, Unusable

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def fan_out(levels: int, **more: Any) -> dict[str, Any]:
    """A few lines that ask for 2^levels steps."""
    defs: dict[str, Any] = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2, **more} for n in range(levels)}
    return {"$defs": defs | {f"d{levels}": {"type": "integer"}}, "$ref": "#/$defs/d0", **more}


def test_a_schema_whose_references_fan_out_is_given_up() -> None:
    with pytest.raises(Unusable, match="too long"):
        Judge(fan_out(60)).errors("x")


def test_a_part_that_names_a_dialect_does_not_escape_the_limits() -> None:
    schema = {"properties": {"a": fan_out(60, **{"$schema": DIALECT})}, "$defs": fan_out(60)["$defs"]}
    with pytest.raises(Unusable, match="too long"):
        Judge(schema).errors({"a": "x"})


def test_a_dialect_hidden_in_data_does_not_escape_the_limits_either() -> None:
    hidden = {"$schema": DIALECT, "$ref": "#/$defs/d0"}
    with pytest.raises(Unusable, match="too long"):
        Judge({"default": hidden, **fan_out(60), "$ref": "#/default"}).errors("x")


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"$ref": "#"}, "without end"),
        ({"$ref": "http://127.0.0.1:1/x.json"}, "which is not in it"),
        ({"$ref": "#/$defs/none"}, "which is not in it"),
        ({"$id": "http://127.0.0.1:1/", "$ref": "other"}, "which is not in it"),
        ({"type": "nonsense"}, "type that there is not"),
        ({"minimum": "x"}, "do not fit together"),
        ({"properties": []}, "do not fit together"),
        ({"multipleOf": 0}, "do not fit together"),
    ],
)
def test_a_schema_that_cannot_be_used_says_why_and_reaches_nobody(schema: dict[str, Any], says: str) -> None:
    with pytest.raises(Unusable, match=says):
        Judge(schema).errors({"a": 1} if "properties" in schema else 1)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"pattern": "^(a+)+$"}, "a" * 60 + "!"),
        ({"patternProperties": {"^(a+)+$": False}}, {"a" * 60 + "!": 1}),
        ({"propertyNames": {"pattern": "^(a+)+$"}}, {"a" * 60 + "!": 1}),
        ({"unevaluatedProperties": False}, {"a": 1}),
    ],
)
def test_what_could_run_for_too_long_is_left_out_and_named(schema: dict[str, Any], value: Any) -> None:
    errors, skipped = Judge(schema).errors(value)
    assert (errors, len(skipped)) == ([], 1)


def test_a_key_that_an_unreadable_pattern_may_mean_is_not_called_unknown() -> None:
    schema = {"patternProperties": {"^(a+)+$": {}}, "additionalProperties": False}
    assert Judge(schema).errors({"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!": 1})[0] == []


def test_a_long_list_of_different_kinds_is_compared_quickly() -> None:
    value = [*range(20_000), *map(str, range(20_000)), None]
    assert Judge({"uniqueItems": True}).errors(value)[0] == []
    assert Judge({"uniqueItems": True}).errors([*value, 5])[0] != []


def test_no_more_errors_than_anybody_reads_are_collected() -> None:
    assert len(Judge({"items": {"type": "integer"}}).errors(["x"] * 1000)[0]) == MAX_ERRORS


def test_a_part_is_judged_with_the_definitions_of_the_whole() -> None:
    schema: dict[str, Any] = {
        "$defs": {"port": {"type": "integer", "maximum": 65535}},
        "properties": {"port": {"$ref": "#/$defs/port"}},
    }
    judge = Judge(schema)
    assert judge.errors(80, schema["properties"]["port"])[0] == []
    assert judge.errors(70_000, schema["properties"]["port"])[0] != []


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "ab", "abc"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=5,
)
_SCHEMAS = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["string", "integer", "number", "boolean", "array", "object", "null"]),
            "minimum": st.integers(-2, 2),
            "minLength": st.integers(0, 3),
            "pattern": st.sampled_from(["^a", "b$", "^[ab]+$", "c"]),
            "enum": st.lists(_VALUES, min_size=1, max_size=3),
            "uniqueItems": st.booleans(),
            "required": st.lists(st.sampled_from("ab"), unique=True),
        },
    ),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "items": inner,
            "properties": st.dictionaries(st.sampled_from("ab"), inner),
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "b"]), inner),
            "additionalProperties": inner | st.booleans(),
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "oneOf": st.lists(inner, min_size=1, max_size=2),
            "not": inner,
            "if": inner,
            "then": inner,
        },
    ),
    max_leaves=4,
)


@settings(max_examples=400, deadline=2000)
@given(schema=_SCHEMAS, value=_VALUES)
def test_ordinary_schemas_are_judged_as_the_library_judges_them(schema: dict[str, Any], value: Any) -> None:
    errors, skipped = Judge(schema).errors(value)
    assert skipped == []
    assert bool(errors) is not Draft202012Validator(schema).is_valid(value)
