"""What differs between an answer and its stated shape."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from gateway.discovery.parsing.shapes import (
    MAX_ROWS,
    MAX_UNKNOWN,
    OTHER,
    Drift,
    Shape,
    anything,
    drift_of,
    flag,
    named,
    number,
    obj,
    rows,
    text,
    whole,
)
from tests.discovery.parsing.test_fields import JSON

ENTRY = Shape({"name": text(), "uses": whole(), "score": number(nullable=True), "note": text(optional=True)})
KINDS = Shape({"type": text()}, by="type", variants={"http": {"url": text()}, "stdio": {"bundle": text()}})
PAGE = Shape({
    "servers": rows(ENTRY), "ok": flag(optional=True),
    "deep": obj(Shape({"a": obj(Shape({"b": whole()}))}), optional=True),
    "inputs": named(ENTRY, optional=True), "kinds": rows(KINDS, optional=True), "free": anything(optional=True),
})  # fmt: skip
GOOD: dict[str, Any] = {"name": "x", "uses": 1, "score": 0.5}


def told(value: object) -> list[tuple[str, str, int]]:
    """The differences as plain values."""
    return [(drift.field, drift.kind, drift.count) for drift in drift_of(value, PAGE)]


@pytest.mark.parametrize(
    "value",
    [
        {"servers": []}, {"servers": [GOOD], "ok": True}, {"servers": [{**GOOD, "score": None, "note": "n"}]},
        {"servers": [{**GOOD, "score": 3}]}, {"servers": [], "deep": {"a": {"b": 1}}},
        {"servers": [], "inputs": {"any key": GOOD}}, {"servers": [], "free": None},
        {"servers": [], "kinds": [{"type": "http", "url": "u"}, {"type": "stdio", "bundle": "b"}]},
    ],
)  # fmt: skip
def test_what_may_be_so_is_no_difference(value: object) -> None:
    assert told(value) == []


@pytest.mark.parametrize(
    ("value", "difference"),
    [
        ({}, ("servers", "missing", 1)),
        ({"servers": None}, ("servers", "type", 1)),
        ({"servers": {}}, ("servers", "type", 1)),
        ({"servers": [], "more": 1}, ("more", "unknown", 1)),
        ({"servers": [None, 5]}, ("servers[]", "type", 2)),
        ({"servers": [{**GOOD, "uses": 1.5}]}, ("servers[].uses", "type", 1)),
        ({"servers": [{**GOOD, "uses": True}]}, ("servers[].uses", "type", 1)),
        ({"servers": [{"name": "x", "uses": 1}] * 3}, ("servers[].score", "missing", 3)),
        ({"servers": [], "ok": "yes"}, ("ok", "type", 1)),
        ({"servers": [], "deep": {"a": {}}}, ("deep.a.b", "missing", 1)),
        ({"servers": [], "inputs": {"k": {**GOOD, "x": 1}}}, ("inputs{}.x", "unknown", 1)),
        ({"servers": [], "inputs": {"k": []}}, ("inputs{}", "type", 1)),
        ({"servers": [], "kinds": [{"type": "http"}]}, ("kinds[].url", "missing", 1)),
        ({"servers": [], "kinds": [{"type": "http", "url": "u", "bundle": "b"}]}, ("kinds[].bundle", "unknown", 1)),
        ([], ("(answer)", "type", 1)),
        (None, ("(answer)", "type", 1)),
    ],
)
def test_a_difference_is_named_by_its_path(value: object, difference: tuple[str, str, int]) -> None:
    assert told(value) == [difference]


def test_an_unknown_kind_is_an_unknown_value_and_nothing_more() -> None:
    kinds = [{"type": "pigeon", "wings": 2}, {"type": 5}]
    assert told({"servers": [], "kinds": kinds}) == [("kinds[].type", "unknown", 1), ("kinds[].type", "type", 1)]


def test_odd_names_and_too_many_of_them_become_one() -> None:
    odd = {"servers": [], "\u202egnp.exe": 1, "a" * 99: 2, "a b": 3}
    assert told(odd) == [(OTHER, "unknown", 3)]
    many = {"servers": [], **{f"new{index}": index for index in range(200)}}
    assert len(told(many)) == MAX_UNKNOWN + 1
    assert sum(count for *_, count in told(many)) == 200


def test_of_a_list_without_end_only_the_beginning_is_looked_at() -> None:
    assert told({"servers": [5] * 100_000}) == [("servers[]", "type", MAX_ROWS)]


def test_a_shape_that_holds_itself_is_followed_to_a_bound() -> None:
    inner = Shape({})
    inner.fields["again"] = obj(inner, optional=True)
    value: dict[str, Any] = {}
    for _ in range(100):
        value = {"again": value, "x": 1}
    assert 1 <= len(drift_of(value, inner)) <= MAX_UNKNOWN + 10


def test_who_asked_for_few_fields_misses_no_others() -> None:
    assert drift_of({"name": "x"}, ENTRY.only(["name", "no such field"])) == ()
    assert drift_of({"name": 5}, ENTRY.only(["name"])) == (Drift("name", "type", 1),)


@given(JSON)
def test_nothing_that_is_json_is_too_much_for_it(value: object) -> None:
    assert isinstance(drift_of(value, PAGE), tuple)
