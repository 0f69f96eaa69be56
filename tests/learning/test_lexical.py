"""The static ranker's word index."""

from __future__ import annotations

import numpy as np

from gateway.learning.lexical import Inverted, LexicalIndex, read_card, z_scores
from gateway.model import ToolCard

CARDS = [
    ToolCard("a", "get_weather", "Weather forecast for a city"),
    ToolCard("b", "rename_file", "Rename a file on disk"),
    ToolCard("c", "translateText", "Translate text into another language"),
]


def _index() -> LexicalIndex:
    return LexicalIndex([read_card(card) for card in CARDS])


def test_the_tool_that_shares_words_with_the_query_is_closest() -> None:
    assert int(np.argmax(_index().scores("what will the weather be"))) == 0


def test_character_n_grams_find_other_forms_of_a_word() -> None:
    assert int(np.argmax(_index().scores("translations"))) == 2


def test_parameter_names_count() -> None:
    schema = {"properties": {"latitude": {}}}
    cards = [ToolCard("a", "one", "Does it."), ToolCard("b", "two", "Does it.", input_schema=schema)]
    assert int(np.argmax(LexicalIndex([read_card(c) for c in cards]).scores("latitude"))) == 1


def test_the_servers_description_counts() -> None:
    cards = [ToolCard("a", "run", "Runs.", "x", "Finance"), ToolCard("b", "run", "Runs.", "y", "Gardening tools")]
    assert int(np.argmax(LexicalIndex([read_card(c) for c in cards]).scores("garden"))) == 1


def test_scores_of_an_unknown_query_are_all_zero() -> None:
    assert _index().scores("zzz qqq").tolist() == [0.0, 0.0, 0.0]


def test_an_empty_index_answers_with_nothing() -> None:
    assert len(LexicalIndex().scores("weather")) == 0


def test_cosines_equal_a_dense_computation() -> None:
    documents = [read_card(card).words for card in CARDS]
    index = Inverted(documents)
    query = read_card(ToolCard("q", "weather file", "a city on disk")).words
    dense = np.zeros((len(CARDS), len(index.vocabulary)))
    for i, document in enumerate(documents):
        places, weights = index.weigh(document)
        dense[i, places] = weights
    places, weights = index.weigh(query)
    vector = np.zeros(len(index.vocabulary))
    vector[places] = weights
    assert np.allclose(index.cosines(query), dense @ vector, atol=1e-6)


def test_z_scores_of_equal_values_are_zero() -> None:
    assert z_scores(np.array([2.0, 2.0])).tolist() == [0.0, 0.0]
