"""Questions as expressions of the full-text index: any text, never an error."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.store.listings.questions import all_of, any_of, expressions, in_name, like_name


@pytest.fixture(scope="module")
def index() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE words USING fts5(w_name, w_title, w_about)")
    connection.execute("CREATE VIRTUAL TABLE names USING fts5(plain, tokenize = 'trigram')")
    return connection


def test_only_the_last_word_may_be_unfinished() -> None:
    assert expressions("web sea") == ['"web"', '("sea" OR "sea" *)']
    assert expressions("web s") == ['"web"', '"s"']


def test_pairs_of_letters_stand_in_a_row() -> None:
    assert expressions("天气预") == ['"天气 气预"']
    assert expressions("天") == ['"天" *']


def test_some_of_a_phrase_is_one_of_its_pairs() -> None:
    assert any_of(expressions("天气预 git")) == '"天气" OR "气预" OR ("git" OR "git" *)'


def test_a_name_is_asked_for_without_its_host() -> None:
    assert expressions("io.github.acme/echo")[0] == '"acme"'


def test_operators_are_plain_words() -> None:
    assert all_of(expressions("NEAR(a, b) AND NOT c*")) == '"near" AND "b" AND "not" AND "c"'


@pytest.mark.parametrize("text", ["", '"', "***", "\0", "-", "()", "\ud800"])
def test_signs_alone_ask_for_nothing(text: str) -> None:
    assert expressions(text) == []
    assert like_name(text) is None


@given(st.text(max_size=80) | st.text(alphabet='ab"*()^:-+{}NEAROT \0天', max_size=80))
def test_no_text_is_a_syntax_error(index: sqlite3.Connection, text: str) -> None:
    parts = expressions(text)
    for expression in [all_of(parts), any_of(parts), in_name(all_of(parts))] if parts else []:
        assert index.execute("SELECT * FROM words WHERE words MATCH ?", (expression,)).fetchall() == []
    if (pieces := like_name(text)) is not None:
        assert index.execute("SELECT * FROM names WHERE names MATCH ?", (pieces,)).fetchall() == []
