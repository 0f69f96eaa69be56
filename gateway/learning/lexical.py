"""Static ranking by words: TF-IDF over words and over character n-grams, cosines fused by z-scores. No I/O.

Works on a changing set of tools: features of a tool are counted once, the inverted index is rebuilt when the set
changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.learning.text import char_features, parameter_names, word_features, words
from gateway.model import ToolCard

Floats = NDArray[np.float64]

NAME_WEIGHT = 3.0
PARAMETER_WEIGHT = 0.5
SERVER_WEIGHT = 1.0
WORD_SHARE = 0.5
"""Weight of the words' z-score beside the character n-grams' (1.0); chosen on the development sets."""


@dataclass(frozen=True, slots=True)
class Document:
    """One tool's counted features: (hashes, weighted counts) of its words and of its character n-grams."""

    words: tuple[NDArray[np.int64], Floats]
    chars: tuple[NDArray[np.int64], Floats]


def read_card(card: ToolCard) -> Document:
    """Count a tool's features over its fields; the name weighs most, the server's description least.

    The server's fields are left out of the character n-grams, by which near-duplicates of other servers are found.
    """
    own = [
        (NAME_WEIGHT, words(card.name)),
        (1.0, words(card.description)),
        (PARAMETER_WEIGHT, words(" ".join(parameter_names(card.input_schema)))),
    ]
    server = [(SERVER_WEIGHT, words(f"{card.server} {card.server_description}"))]
    return Document(_weighted(own + server, word_features), _weighted(own, char_features))


def _weighted(
    fields: list[tuple[float, list[str]]], count: Callable[[list[str]], Counter[int]]
) -> tuple[NDArray[np.int64], Floats]:
    total: dict[int, float] = {}
    for weight, tokens in fields:
        for number, times in count(tokens).items():
            total[number] = total.get(number, 0.0) + weight * times
    return _arrays(total)


def _arrays(counts: Mapping[int, float]) -> tuple[NDArray[np.int64], Floats]:
    numbers = np.fromiter(counts.keys(), np.int64, len(counts))
    values = np.fromiter(counts.values(), np.float64, len(counts))
    order = np.argsort(numbers, kind="stable")
    return numbers[order], np.log1p(values[order])


class Inverted:
    """An inverted TF-IDF index of one kind of feature, with rows of unit length."""

    def __init__(self, documents: list[tuple[NDArray[np.int64], Floats]]) -> None:
        self.size = len(documents)
        sizes = [len(numbers) for numbers, _ in documents]
        numbers = np.concatenate([d[0] for d in documents]) if documents else np.zeros(0, np.int64)
        counts = np.concatenate([d[1] for d in documents]) if documents else np.zeros(0)
        tools = np.repeat(np.arange(self.size, dtype=np.int32), sizes)
        order = np.argsort(numbers, kind="stable")
        self.vocabulary, starts = np.unique(numbers[order], return_index=True)
        self._starts = np.append(starts, len(numbers)).astype(np.int64)
        spread = np.diff(self._starts)
        self.idf = np.log((1.0 + self.size) / (1.0 + spread)) + 1.0
        weights = counts[order] * np.repeat(self.idf, spread)
        self._tools = tools[order]
        norms = np.sqrt(np.bincount(self._tools, weights * weights, minlength=self.size))
        self._weights = (weights / np.maximum(norms, 1e-12)[self._tools]).astype(np.float32)

    def weigh(self, document: tuple[NDArray[np.int64], Floats]) -> tuple[NDArray[np.int64], Floats]:
        """Return (places in the vocabulary, unit-length TF-IDF weights) of a text; unknown features drop out."""
        numbers, counts = document
        if not len(self.vocabulary) or not len(numbers):
            return np.zeros(0, np.int64), np.zeros(0)
        places = np.minimum(np.searchsorted(self.vocabulary, numbers), len(self.vocabulary) - 1)
        known = self.vocabulary[places] == numbers
        places, weights = places[known], counts[known] * self.idf[places[known]]
        norm = float(np.sqrt(weights @ weights))
        return places, weights / norm if norm > 0 else weights

    def cosines(self, document: tuple[NDArray[np.int64], Floats]) -> Floats:
        """Return the cosine of a text with every tool."""
        places, weights = self.weigh(document)
        if not len(places):
            return np.zeros(self.size)
        begin, length = self._starts[places], self._starts[places + 1] - self._starts[places]
        inside = np.arange(int(length.sum())) - np.repeat(np.cumsum(length) - length, length)
        at = np.repeat(begin, length) + inside
        products = self._weights[at] * np.repeat(weights, length)
        return np.bincount(self._tools[at], products, minlength=self.size).astype(np.float64)


def z_scores(values: Floats) -> Floats:
    """Return values minus mean over standard deviation; all zero when they do not differ."""
    if not len(values):
        return values
    deviation = float(values.std())
    return (values - values.mean()) / deviation if deviation > 1e-12 else np.zeros_like(values)


class LexicalIndex:
    """The static ranker's memory of the tools, in a fixed order."""

    def __init__(self, documents: Iterable[Document] = ()) -> None:
        kept = list(documents)
        self.size = len(kept)
        self.words = Inverted([d.words for d in kept])
        self.chars = Inverted([d.chars for d in kept])

    def scores(self, query: str) -> Floats:
        """Return one z-score per tool, higher is closer; all zero for an empty or unknown query."""
        tokens = words(query)
        by_word = self.words.cosines(_arrays(word_features(tokens)))
        by_char = self.chars.cosines(_arrays(char_features(tokens)))
        return z_scores(WORD_SHARE * z_scores(by_word) + z_scores(by_char))
