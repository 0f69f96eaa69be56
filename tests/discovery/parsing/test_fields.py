"""Lenient reading of JSON objects."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.discovery.parsing.fields import MAX_ITEMS, Fields, clean_text, spelled, web_address

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("plain", "plain"), ("two\nlines", "two lines"), ("bell\x07", "bell"), ("\u202egpj.exe", "gpj.exe"),
        ("lone\ud800", "lone"), (None, ""), (5, ""), ("x" * 5000, "x" * 4000), ("👩\u200d💻", "👩\u200d💻"),
    ],
)  # fmt: skip
def test_text_is_freed_of_what_could_deceive_or_break_a_terminal(raw: object, clean: str) -> None:
    assert clean_text(raw) == clean


@pytest.mark.parametrize(
    "raw",
    ["javascript:alert(1)", "ftp://a/b", "//a/b", "https://", "https://u:p@host/", "https://a b/", "https://a\\b", 5,
     None, "https:///path", "https://a/\u202eb"],
)  # fmt: skip
def test_only_plain_web_addresses_are_kept(raw: object) -> None:
    assert web_address(raw) is None


@pytest.mark.parametrize("raw", ["https://a.example/x?y=1", "http://127.0.0.1:8/x", "https://{tenant}.a.example/mcp"])
def test_web_addresses_pass_unchanged(raw: str) -> None:
    assert web_address(raw) == raw


@pytest.mark.parametrize(
    ("raw", "text"),
    [(True, "true"), (False, "false"), ("x", "x"), (3, "3"), (1.5, "1.5"), (None, None), ([1], None), (math.nan, None),
     (10**400, None)],
)  # fmt: skip
def test_defaults_are_spelled_as_text(raw: object, text: str | None) -> None:
    assert spelled(raw) == text


def test_a_wrong_type_is_an_unknown_value() -> None:
    fields = Fields({"flag": "yes", "count": -1, "number": True, "rows": {"a": 1}, "object": [1]})
    assert fields.flag("flag") is None
    assert fields.count("count") is None
    assert fields.number("number") is None
    assert fields.rows("rows") == []
    assert fields.mapping("object") == {}


def test_an_endless_list_is_cut() -> None:
    assert len(Fields({"rows": [{}] * (MAX_ITEMS + 5)}).rows("rows")) == MAX_ITEMS


@given(JSON)
def test_no_question_about_any_json_raises(value: object) -> None:
    fields = Fields({"x": value})
    answers: list[object] = [
        fields.line("x"),
        fields.text("x"),
        fields.address("x"),
        fields.flag("x"),
        fields.number("x"),
    ]
    answers += [fields.count("x"), fields.mapping("x"), fields.rows("x"), list(fields.named("x")), fields.lines("x")]
    assert len(answers) == 10
