"""Values: read, completed, checked, and told about all at once."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import UsageError
from gateway.install.planning.settings import (
    Problems,
    SettingsError,
    as_text,
    check_schema_settings,
    coerce,
    looks_secret,
    secret_reference,
    tame,
)

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["apiKey", "city"],
    "properties": {
        "apiKey": {"type": "string", "title": "API key"},
        "city": {"type": "string", "minLength": 2},
        "units": {"type": "string", "enum": ["si", "us"], "default": "si"},
        "limit": {"type": "integer", "minimum": 1, "maximum": 9},
        "nested": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
    },
}


def check(settings: dict[str, Any], *secrets: str, strict: bool = True) -> dict[str, Any]:
    problems = Problems()
    values = check_schema_settings(SCHEMA, settings, secrets, problems, strict=strict)
    problems.raise_if_any("thing")
    return values


def test_texts_are_read_as_the_types_that_are_asked_for_and_defaults_filled_in() -> None:
    assert check({"city": "Rome", "limit": "3"}, "apiKey") == {"city": "Rome", "limit": 3, "units": "si"}


def test_everything_missing_is_told_at_once_by_title_and_the_way_to_give_it() -> None:
    with pytest.raises(SettingsError, match=r"'API key' \(apiKey\) is required; 'city' is required") as caught:
        check({})
    assert (caught.value.missing, caught.value.missing_secrets) == (("city",), ("apiKey",))
    assert "--secret apiKey" in caught.value.fix


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"city": "Rome", "units": "miles"}, "must be one of"),
        ({"city": "R"}, "minLength"),
        ({"city": "Rome", "limit": 10}, "maximum"),
        ({"city": "Rome", "limit": "many"}, "type"),
        ({"city": "Rome", "unit": "si"}, "did you mean 'units'"),
    ],
)
def test_a_wrong_value_is_named(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        check(settings, "apiKey")


def test_a_wrong_value_itself_is_not_told() -> None:
    with pytest.raises(SettingsError) as caught:
        check({"city": "Rome", "limit": "hunter2"}, "apiKey")
    assert "hunter2" not in str(caught.value)


def test_dotted_keys_reach_into_objects() -> None:
    assert check({"city": "Rome", "nested.a": "x"}, "apiKey")["nested"] == {"a": "x"}


def test_a_secret_inside_an_object_is_not_missed_there() -> None:
    assert "nested" not in check({"city": "Rome"}, "apiKey", "nested.a")


def test_unknown_keys_are_kept_when_somebody_else_judges_them() -> None:
    assert check({"city": "Rome", "other": "x"}, "apiKey", strict=False)["other"] == "x"


def test_a_broken_schema_is_told_and_not_raised() -> None:
    problems = Problems()
    check_schema_settings({"properties": {"a": {"type": "nonsense"}}}, {"a": 1}, (), problems)
    with pytest.raises(SettingsError, match="cannot be used"):
        problems.raise_if_any("thing")


def test_a_schema_cannot_make_us_fetch_anything() -> None:
    problems = Problems()
    schema = {"properties": {"a": {"$ref": "http://127.0.0.1:1/evil.json"}}}
    check_schema_settings(schema, {"a": 1}, (), problems)
    with pytest.raises(SettingsError, match="cannot be used"):
        problems.raise_if_any("thing")


def test_a_pattern_that_could_run_for_ever_is_dropped_and_a_plain_one_kept() -> None:
    schema = {"pattern": "^(a+)+$", "items": [{"pattern": "^[a-z]+$"}], "patternProperties": {"(a+)+": {}}}
    assert tame(schema) == {"items": [{"pattern": "^[a-z]+$"}]}


@pytest.mark.parametrize("pattern", ["(a|a)*$", "a**", r"(x)\1", "(?=a)b", "a*a*a*a*b", "a" * 201])
def test_risky_patterns_are_recognised(pattern: str) -> None:
    assert tame({"pattern": pattern}) == {}


@pytest.mark.parametrize(
    ("value", "kind", "read"),
    [
        ("true", "boolean", True),
        ("off", "boolean", False),
        ("maybe", "boolean", "maybe"),
        ("-3", "integer", -3),
        ("2.5", "number", 2.5),
        ("a, b", "array", ["a", "b"]),
        ("", "array", []),
        ("x", "string", "x"),
        (4, "string", 4),
    ],
)
def test_text_is_read_as_a_type(value: object, kind: str, read: object) -> None:
    assert coerce(value, kind) == read


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (False, "false"), (3, "3"), (["a", 1], "a,1")])
def test_values_are_spelled_for_environments(value: object, text: str) -> None:
    assert as_text(value) == text


@pytest.mark.parametrize(
    "key", ["apiKey", "API_KEY", "token", "githubToken", "client_secret", "password", "accessKey", "privateKey"]
)
def test_plainly_named_secrets_are_recognised(key: str) -> None:
    assert looks_secret(key, {})


@pytest.mark.parametrize("key", ["city", "keyboard", "monkey", "maxTokens", "tokenizer", "units"])
def test_ordinary_names_are_no_secrets(key: str) -> None:
    assert not looks_secret(key, {})


@pytest.mark.parametrize("key", ["", "1a", "a/b", "../a", "a..b", "a b", "ä", "a" * 101, "a\n"])
def test_a_key_that_cannot_name_a_secret_is_refused(key: str) -> None:
    with pytest.raises(UsageError):
        secret_reference(key)
