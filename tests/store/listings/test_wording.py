"""Words of names, texts and questions, in one spelling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.store.listings.wording import (
    MAX_TERMS,
    asked_terms,
    indexed,
    last_part,
    plain_name,
    repository_key,
    terms,
    words,
)


@pytest.mark.parametrize("name", ["acme/X", "@Acme/x", " io.github.acme/x", "io.github.Acme/X"])
def test_one_name_has_one_spelling(name: str) -> None:
    assert plain_name(name) == "acme/x"
    assert last_part(name) == "x"


def test_a_host_of_its_own_stays_in_the_name() -> None:
    assert plain_name("com.acme/x") == "com.acme/x"


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/Acme/X",
        "http://www.github.com/acme/x.git",
        "https://github.com/acme/x/",
        "https://github.com/acme/x?a#b",
    ],
)
def test_one_repository_has_one_spelling(address: str) -> None:
    assert repository_key(address) == "github.com/acme/x"
    assert repository_key(None) is None
    assert repository_key("https://") is None


def test_words_are_folded_and_parted_at_signs() -> None:
    assert words("Web-Search_v2 (GitHub)") == ["web", "search", "v2", "github"]
    assert words("Größe ＡＢＣ") == ["grösse", "abc"]


def test_scripts_without_spaces_become_pairs_and_the_last_letter() -> None:
    assert terms("天气预报 mcp") == ["天气", "气预", "预报", "报", "mcp"]
    assert terms("気") == ["気"]


def test_marks_of_a_script_stay_in_the_word() -> None:
    assert words("हिन्दी भाषा") == ["हिन्दी", "भाषा"]


def test_stop_words_count_only_when_there_is_nothing_else() -> None:
    assert asked_terms("an MCP server for the weather, weather") == ["weather"]
    assert asked_terms("mcp server") == ["mcp", "server"]


def test_a_question_has_a_bounded_number_of_words() -> None:
    assert len(asked_terms(" ".join(f"word{n}" for n in range(500)))) == MAX_TERMS


def test_parts_of_camel_case_and_whole_compounds_are_found() -> None:
    assert {"getweather", "get", "weather"} <= set(indexed("getWeather").split())
    assert "websearch" in indexed("web-search", compounds=True).split()
    assert "websearch" not in indexed("web-search").split()


@given(st.text(max_size=60))
def test_every_word_is_letters_digits_and_their_marks(text: str) -> None:
    assert all(word and not any(sign in word for sign in " \"'*():\0-") for word in words(text))
