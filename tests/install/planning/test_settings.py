"""Values: read from text, spelled as text, and told about all at once."""

from __future__ import annotations

import pytest

from gateway.errors import UsageError
from gateway.install.planning.settings import (
    Placeholder,
    Problems,
    SettingsError,
    as_text,
    coerce,
    looks_secret,
    secret_reference,
)


def test_everything_wrong_is_told_at_once_with_the_way_to_give_what_is_missing() -> None:
    problems = Problems()
    problems.missing("city", "", secret=False)
    problems.missing("apiKey", "API key", secret=True)
    problems.add("'limit' must be at most 9")
    with pytest.raises(SettingsError, match=r"'city' is required; 'API key' \(apiKey\) is required; 'limit'") as caught:
        problems.raise_if_any("thing")
    assert (caught.value.missing, caught.value.missing_secrets) == (("city",), ("apiKey",))
    assert caught.value.fix == "Give --set city=… --secret apiKey."


def test_a_long_list_of_problems_is_cut() -> None:
    problems = Problems()
    for number in range(30):
        problems.add(f"problem {number}")
    with pytest.raises(SettingsError, match="problem 9; and 20 more"):
        problems.raise_if_any("thing")


def test_notes_stand_in_nobodys_way_and_are_told_once() -> None:
    problems = Problems()
    problems.note("look at this")
    problems.note("look at this")
    problems.raise_if_any("thing")
    assert problems.notes == ("look at this",)


@pytest.mark.parametrize(
    ("key", "known", "says"),
    [
        ("unit", ["units", "city"], "'unit' is not asked for; did you mean 'units'?"),
        ("colour", ["units", "city"], "'colour' is not asked for (it asks for city, units)"),
        ("colour", [], "'colour' is not asked for"),
    ],
)
def test_an_unknown_key_is_told_with_the_nearest_or_with_all_that_are_known(
    key: str, known: list[str], says: str
) -> None:
    problems = Problems()
    problems.unknown([key], known)
    assert problems.lines == (says,)


def test_an_unknown_key_may_come_with_a_way_to_insist() -> None:
    problems = Problems()
    problems.unknown(["key"], [], otherwise="insist with --set header.NAME=… for {key}")
    assert problems.lines == ("'key' is not asked for; insist with --set header.NAME=… for key",)


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
        ('["a, b", 1]', "array", ["a, b", 1]),
        ("[broken", "array", "[broken"),
        ('{"a": 1}', "object", {"a": 1}),
        ("[1]", "object", "[1]"),
        ("x", "string", "x"),
        (4, "string", 4),
    ],
)
def test_text_is_read_as_a_type(value: object, kind: str, read: object) -> None:
    assert coerce(value, kind) == read


def test_a_placeholder_is_a_text_that_is_never_read_as_anything_else() -> None:
    assert coerce(Placeholder("<port>"), "integer") == "<port>"


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
