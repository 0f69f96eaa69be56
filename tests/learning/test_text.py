"""How texts become features."""

from __future__ import annotations

import numpy as np

from gateway.learning.text import QUERY_SPACE, parameter_names, query_features, text_key, words
from gateway.model import ToolCard


def test_names_are_split_at_camel_case_and_underscores() -> None:
    assert words("getHTTPStatus_code-v2") == ["get", "http", "status", "code", "v2"]


def test_cjk_text_becomes_overlapping_pairs() -> None:
    assert words("天气预报 weather") == ["天气", "气预", "预报", "weather"]


def test_a_lone_cjk_character_is_still_a_word() -> None:
    assert words("水") == ["水"]


def test_query_features_have_unit_length_and_fit_the_space() -> None:
    numbers, weights = query_features("How do I rename a file?")
    assert 0 <= int(numbers.min()) <= int(numbers.max()) < QUERY_SPACE
    assert np.isclose(np.linalg.norm(weights), 1.0)


def test_function_words_weigh_less_than_content_words() -> None:
    _, weights = query_features("the weather")
    assert weights[0] < weights[1]


def test_an_empty_query_has_no_features() -> None:
    numbers, weights = query_features("  ?!")
    assert len(numbers) == len(weights) == 0


def test_the_text_key_ignores_the_id_and_sees_the_text() -> None:
    one, same = ToolCard("a", "now", "Tells the time."), ToolCard("b", "now", "Tells the time.")
    other = ToolCard("a", "now", "Tells the date.")
    assert text_key(one) == text_key(same) != text_key(other)


def test_malformed_schemas_have_no_parameters() -> None:
    assert parameter_names({"properties": ["x"]}) == []
    assert parameter_names({"properties": {"city": {}}}) == ["city"]
