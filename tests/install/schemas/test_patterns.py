"""Patterns of strangers: run where that is affordable, refused where it could last."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.install.schemas.patterns import MAX_PATTERN_CHARS, MAX_WAYS, matches, ways

HANGING = [
    "^(a+)+$", "(a|a)*$", "^([a-z]+-)*[a-z]+$", "(.*a){20}", "^(?:a?){30}a{30}$", "^(([a-z])+.)+[A-Z]([a-z])+$",
    "a*a*a*a*b", "((a{0,9}){0,9}){0,9}$", "^(?:(?:){60000}){60000}$", "(x+x+)+y",
]  # fmt: skip


@pytest.mark.parametrize("pattern", HANGING)
def test_a_pattern_that_could_run_for_ever_is_not_run(pattern: str) -> None:
    assert matches(pattern, "a" * 60 + "!") is None


@pytest.mark.parametrize("pattern", ["(", "[z-a]", r"\p{L}", r"(x)\1", "(a)?(?(1)b|c)", "a" * (MAX_PATTERN_CHARS + 1)])
def test_a_pattern_that_cannot_be_judged_is_not_run(pattern: str) -> None:
    assert matches(pattern, "xx") is None


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("^[A-Za-z0-9_-]+$", "sk-" + "x" * 5000, True),
        ("^[A-Za-z0-9_-]+$", "no spaces", False),
        (r"^([0-9]{1,3}\.){3}[0-9]{1,3}$", "192.168.10.1", True),
        ("^(dev|prod)$", "prod", True),
        (r"^https?://.+$", "https://example.com/" + "x" * 500, True),
        (r"^[^@\s]+@[^@\s]+\.[^@\s]+$", "somebody@mail.example", True),
        ("^[a-z]([a-z0-9-]{0,22}[a-z0-9])?$", "my-name", True),
        ("(?i)^ABC$", "abc", True),
        ("b", "abc", True),
    ],
)
def test_an_ordinary_pattern_is_run(pattern: str, text: str, found: bool) -> None:
    assert matches(pattern, text) is found


def test_the_same_pattern_is_run_on_a_short_text_and_not_on_a_long_one() -> None:
    assert matches("^a*b*c*$", "abc") is True
    assert matches("^a*b*c*$", "a" * 200) is None


_ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "^", "$", "a?"])
_PATTERNS = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{1,3}", "{0,2}"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=2000)
@given(pattern=_PATTERNS, text=st.text("ab", max_size=24))
def test_whatever_is_run_ends_soon_and_says_what_the_engine_says(pattern: str, text: str) -> None:
    found = matches(pattern, text)
    assert (ways(pattern, len(text)) > MAX_WAYS) == (found is None)
    if found is not None:
        assert found is bool(re.search(pattern, text))
