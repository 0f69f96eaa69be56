"""Types, bounds, choices and unknown keys, on a small section of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest

from gateway.config.decoding import Decoder
from gateway.config.fields import Check, Range


@dataclass(frozen=True)
class _Inner:
    depth: int = 1


@dataclass(frozen=True)
class _Example:
    name: Annotated[str, "What it is called"]
    count: Annotated[int, "", Range(1, 5)] = 1
    ratio: float = 0.5
    on: bool = True
    kind: Literal["a", "b"] = "a"
    words: tuple[str, ...] = ()
    table: dict[str, str] = field(default_factory=dict)
    anything: dict[str, Any] = field(default_factory=dict)
    maybe: int | None = None
    inner: _Inner = field(default_factory=_Inner)
    many: tuple[_Inner, ...] = ()
    shout: Annotated[str, "", Check(lambda text: "" if text.isupper() else "must be loud")] = "A"

    def problems(self) -> Iterator[tuple[str, str]]:
        if self.count > 4 and not self.on:
            yield "count", "too many for something that is off"


def _decode(**table: Any) -> tuple[_Example | None, dict[str, str]]:
    decoder = Decoder()
    read = decoder.section(_Example, {"name": "x", **table}, "example")
    return read, {problem.path.removeprefix("example."): problem.message for problem in decoder.problems}


def test_right_values_are_taken() -> None:
    read, found = _decode(
        count=5, ratio=1, on=True, kind="b", words=["a"], table={"k": "v"}, maybe=3, inner={"depth": 2},
        many=[{"depth": 3}, {}], anything={"a": [1]},
    )  # fmt: skip
    assert found == {}
    assert read == _Example(
        "x", 5, 1.0, True, "b", ("a",), {"k": "v"}, {"a": [1]}, 3, _Inner(2), (_Inner(3), _Inner(1))
    )


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("name", 5, "must be a string, not an integer"),
        ("count", "5", 'must be an integer, not "5"'),
        ("count", 1.5, "must be an integer, not a number"),
        ("count", True, "must be an integer, not true or false"),
        ("count", 0, "must be between 1 and 5, not 0"),
        ("count", 6, "must be between 1 and 5, not 6"),
        ("ratio", float("nan"), "must be a number, not nan"),
        ("ratio", "half", 'must be a number, not "half"'),
        ("on", 1, "must be true or false, not an integer"),
        ("kind", "c", 'must be one of "a", "b", not "c"'),
        ("words", "a", "must be an array of strings, not a string"),
        ("table", [], "must be a table, not an array"),
        ("maybe", "x", 'must be an integer, not "x"'),
        ("inner", 5, "must be a table, not an integer"),
        ("shout", "a", "must be loud"),
    ],
)
def test_a_wrong_value_is_told_in_words(key: str, value: Any, message: str) -> None:
    _, found = _decode(**{key: value})
    assert found == {key: message}


def test_items_are_told_by_their_index() -> None:
    _, found = _decode(words=["a", 5], table={"k": 1}, many=[{}, {"depth": "deep"}])
    assert set(found) == {"words[1]", "table.k", "many[1].depth"}


def test_an_unknown_key_names_the_nearest() -> None:
    _, found = _decode(cuont=1)
    assert found == {"cuont": 'unknown key; did you mean "count"?'}


def test_a_key_in_other_letters_is_recognised() -> None:
    _, found = _decode(COUNT=1)
    assert found == {"COUNT": 'unknown key; did you mean "count"?'}


def test_an_unknown_key_like_nothing_lists_the_known_ones() -> None:
    _, found = _decode(zzz=1)
    assert "anything, count" in found["zzz"]


def test_a_missing_required_key_is_told_with_its_meaning() -> None:
    decoder = Decoder()
    assert decoder.section(_Example, {}, "example") is None
    assert [(p.path, p.message) for p in decoder.problems] == [("example.name", "is required (what it is called)")]


def test_rules_between_keys_are_asked_once_the_keys_are_right() -> None:
    assert _decode(count=5, on=False)[1] == {"count": "too many for something that is off"}
    assert set(_decode(count=5, on=False, ratio="x")[1]) == {"ratio"}


def test_an_array_that_lost_an_entry_is_remembered() -> None:
    decoder = Decoder()
    decoder.section(_Outer, {"examples": [{"count": 1}, {"name": "x"}]}, "")
    assert decoder.dropped == {"examples"}


@dataclass(frozen=True)
class _Outer:
    examples: tuple[_Example, ...] = ()


def test_an_array_of_tables_written_as_one_table_is_explained() -> None:
    decoder = Decoder()
    decoder.section(_Outer, {"examples": {"name": "x"}}, "")
    assert decoder.problems[0].message == "must be written as [[examples]], once per entry"
