"""A person's values for a stranger's schema."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.install.planning.settings import Placeholder, Problems, SettingsError
from gateway.install.schemas.values import check_schema_settings

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["apiKey", "city"],
    "$defs": {"port": {"type": "integer", "minimum": 1, "maximum": 65535}},
    "properties": {
        "apiKey": {"type": "string", "title": "API key", "minLength": 8, "x-from": {"header": "x-api-key"}},
        "city": {"type": "string", "minLength": 2},
        "units": {"type": "string", "enum": ["si", "us"], "default": "si", "x-to": {"header": "x-units"}},
        "limit": {"type": "integer", "minimum": 1, "maximum": 9},
        "level": {"enum": [1, 2, 3]},
        "verbose": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "integer"}},
        "port": {"$ref": "#/$defs/port"},
        "ratio": {"anyOf": [{"type": "number"}, {"type": "null"}]},
        "home": {"type": "string", "format": "uri"},
        "nested": {
            "type": "object",
            "properties": {"a": {"type": "string"}, "b": {"type": "integer", "default": 7}},
            "required": ["a"],
            "additionalProperties": False,
        },
    },
}


def check(settings: dict[str, Any], *secrets: str, strict: bool = True, schema: dict[str, Any] = SCHEMA) -> Any:
    problems = Problems()
    values = check_schema_settings(schema, settings, secrets, problems, strict=strict)
    problems.raise_if_any("thing")
    return values


def noted(schema: dict[str, Any], settings: dict[str, Any]) -> tuple[str, ...]:
    """Check values that nothing is wrong with, and return what was noted."""
    problems = Problems()
    check_schema_settings(schema, settings, (), problems)
    problems.raise_if_any("thing")
    return problems.notes


def test_texts_are_read_as_the_types_that_are_asked_for_and_defaults_filled_in() -> None:
    given = {"city": "Rome", "limit": "3", "level": "2", "verbose": "yes", "tags": "1, 2", "port": "80", "ratio": "2.5"}
    assert check(given, "apiKey") == {
        "city": "Rome", "limit": 3, "level": 2, "verbose": True, "tags": [1, 2], "port": 80, "ratio": 2.5,
        "units": "si",
    }  # fmt: skip


def test_lists_and_objects_may_be_written_as_json() -> None:
    found = check({"city": "Rome", "tags": "[1, 2]", "nested": '{"a": "x, y"}'}, "apiKey")
    assert (found["tags"], found["nested"]) == ([1, 2], {"a": "x, y", "b": 7})


def test_defaults_inside_an_object_are_filled_in_only_when_the_object_is_given() -> None:
    assert check({"city": "Rome", "nested.a": "x"}, "apiKey")["nested"] == {"a": "x", "b": 7}
    assert "nested" not in check({"city": "Rome"}, "apiKey")


def test_everything_missing_is_told_at_once_by_title_and_the_way_to_give_it() -> None:
    with pytest.raises(SettingsError, match=r"'API key' \(apiKey\) is required; 'city' is required") as caught:
        check({})
    assert (caught.value.missing, caught.value.missing_secrets) == (("city",), ("apiKey",))
    assert "--secret apiKey" in caught.value.fix


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"units": "hunter2"}, "'units' must be one of 'si', 'us'"),
        ({"city": "R"}, "'city' must have at least 2 characters"),
        ({"limit": 10}, "'limit' must be at most 9"),
        ({"limit": "hunter2"}, "'limit' must be a whole number"),
        ({"level": "hunter2"}, "'level' must be one of '1', '2', '3'"),
        ({"verbose": "hunter2"}, "'verbose' must be true or false"),
        ({"tags": "1, hunter2"}, "'tags.1' must be a whole number"),
        ({"port": "70000"}, "'port' must be at most 65535"),
        ({"home": "hunter2"}, "'home' must be a uri, like https://"),
        ({"nested": {}}, "'nested' lacks 'a'"),
        ({"nested": {"a": "x", "c": "hunter2"}}, "'nested.c' is not asked for"),
        ({"unit": "si"}, "'unit' is not asked for; did you mean 'units'"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed_and_is_not_repeated(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check({"city": "Rome", **settings}, "apiKey")
    assert says in str(caught.value)
    assert "hunter2" not in str(caught.value) + caught.value.fix


def test_the_value_of_a_secret_is_checked_where_it_is_known_and_never_repeated() -> None:
    problems = Problems()
    check_schema_settings(SCHEMA, {"city": "Rome"}, ["apiKey"], problems, secret_values={"apiKey": "hunter2"})
    assert problems.lines == ("'apiKey' must have at least 8 characters",)


def test_a_secret_inside_an_object_is_not_missed_there() -> None:
    assert "nested" not in check({"city": "Rome"}, "apiKey", "nested.a")


def test_unknown_keys_are_kept_when_somebody_else_judges_them() -> None:
    assert check({"city": "Rome", "other": "x"}, "apiKey", strict=False)["other"] == "x"


def test_a_schema_that_allows_more_keys_gets_them() -> None:
    assert check({"other": "x"}, schema={"additionalProperties": True}) == {"other": "x"}


def test_a_placeholder_is_never_checked() -> None:
    found = check({"city": Placeholder("<city>"), "limit": Placeholder("<limit>")}, "apiKey")
    assert (found["city"], found["limit"]) == ("<city>", "<limit>")


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"properties": {"a": {"type": "nonsense"}}}, "'a' is not checked: in its schema, type is malformed"),
        ({"properties": {"a": {"$ref": "http://127.0.0.1:1/evil.json"}}}, "which is not in it"),
        ({"properties": {"a": {"pattern": "^(x+)+$"}}}, "the pattern '^(x+)+$', which could run for too long"),
        ({"properties": {"a": {}}, "anyOf": "broken"}, "as a whole: in its schema, anyOf is malformed"),
        (
            {"properties": {"a": {}}, "description": "x" * 70_000},
            "larger than 64 KiB; the values are taken as they are",
        ),
        ({"properties": {"a": {}, "b": {"enum": [1], "default": 2}}}, "the publisher's own default does not fit: 'b'"),
    ],
)
def test_a_publishers_mistake_is_a_note_and_stands_in_nobodys_way(schema: dict[str, Any], says: str) -> None:
    assert says in "; ".join(noted(schema, {"a": "x" * 50 + "!"}))


def test_an_entry_that_is_no_schema_at_all_is_a_key_all_the_same() -> None:
    assert noted({"properties": {"a": "text"}, "required": "a"}, {"a": "x"}) == ()


EITHER = {
    "properties": {"token": {"type": "string"}, "user": {"type": "string"}, "password": {"type": "string"}},
    "anyOf": [{"required": ["token"]}, {"required": ["user", "password"]}],
    "dependentRequired": {"user": ["password"]},
}


def test_keys_that_need_each_other_are_checked_together() -> None:
    with pytest.raises(SettingsError, match="the configuration lacks"):
        check({"user": "ann"}, schema=EITHER)


def test_a_secret_counts_as_given_when_keys_are_checked_together() -> None:
    assert check({"user": "ann"}, "password", schema=EITHER) == {"user": "ann"}
    assert check({}, "token", schema=EITHER) == {}


def test_what_a_whole_says_about_a_secrets_value_is_left_alone() -> None:
    schema = {"properties": {"key": {}}, "allOf": [{"properties": {"key": {"minLength": 20}}}]}
    assert check({}, "key", schema=schema) == {}
