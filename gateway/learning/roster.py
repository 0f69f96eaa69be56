"""The tools known now, in a fixed order, with what the static ranker and the families know of them. No I/O.

Shared by `Selector`, the daemon's `LivePolicy` and the learner, so that all three see the same evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.learning.families import nearest_earlier
from gateway.learning.lexical import Document, Floats, LexicalIndex, read_card, z_scores
from gateway.learning.text import plain_text, query_features, text_key
from gateway.model import ToolCard

Encode = Callable[[list[str]], NDArray[np.float32]]
"""Texts into unit vectors, one row each."""

SIBLING_SHARE = 0.1
"""How much of a family member's own closeness counts; the rest is the family's best, so reliability decides inside
it."""


Z_CAP = 6.0
"""Among thousands of tools a clear hit has a z-score of 20 and more, a good neighbour 15: taken as they are, no
failure and nothing learned could ever weigh against such a distance."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a query says about every tool of the roster, before anything learned."""

    lexical: Floats  # z-scores
    dense: Floats | None  # z-scores of the encoder's cosines, when there is an encoder
    features: NDArray[np.int32]  # hashed query features
    weights: NDArray[np.float32]
    vector: NDArray[np.float32] | None  # the encoder's query vector

    @property
    def empty(self) -> bool:
        """Whether the query says nothing at all."""
        return not len(self.features)


def capped(z: Floats) -> Floats:
    """Shrink all scores alike so that the largest is at most `Z_CAP`; their order and proportions stay."""
    largest = float(z.max(initial=0.0))
    return z * (Z_CAP / largest) if largest > Z_CAP else z


class Roster:
    """An ordered set of tools; positions are stable until the set changes."""

    def __init__(self, encode: Encode | None = None) -> None:
        self.cards: dict[str, ToolCard] = {}
        self.ids: list[str] = []
        self.keys: list[str] = []
        self.families: NDArray[np.int64] = np.zeros(0, np.int64)
        self.family_count = 0
        self._at: dict[str, int] = {}
        self._documents: dict[str, Document] = {}
        self._family_of: dict[str, int] = {}
        self._index = LexicalIndex()
        self._encode = encode
        self._vectors: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, tool: str) -> bool:
        return tool in self._at

    def position(self, tool: str) -> int:
        """Return where a tool stands. Raises: KeyError."""
        return self._at[tool]

    def family_map(self) -> dict[str, int]:
        """Return the family of every text ever seen, also of those that are gone from the roster."""
        return dict(self._family_of)

    def add(self, cards: Iterable[ToolCard]) -> None:
        """Add tools; one of a known id takes its place with the new text."""
        for card in cards:
            self.cards[card.id] = card
        self._rebuild()

    def remove(self, tools: Iterable[str]) -> None:
        """Take tools out; unknown ids are ignored. What is known of a text is kept for its return."""
        for tool in tools:
            self.cards.pop(tool, None)
        self._rebuild()

    def replace(self, cards: Iterable[ToolCard]) -> None:
        """Make exactly these the known tools."""
        self.cards = {card.id: card for card in cards}
        self._rebuild()

    def evidence(self, query: str) -> Evidence:
        """Compare a query with every tool."""
        features, weights = query_features(query)
        lexical = capped(self._index.scores(query))
        if self._encode is None or self._vectors is None or not query.strip():
            return Evidence(self._share(lexical), None, features, weights, None)
        vector = self._encode([query])[0]
        dense = capped(z_scores((self._vectors @ vector).astype(np.float64)))
        return Evidence(self._share(lexical), self._share(dense), features, weights, vector)

    def family_max(self, values: Floats) -> Floats:
        """Return the largest value per family, -inf for families without a member here."""
        best = np.full(self.family_count, -np.inf)
        np.maximum.at(best, self.families, values)
        return best

    def cards_as_builtins(self) -> list[dict[str, object]]:
        """Return the tools in their order, as plain values for JSON."""
        return [msgspec.to_builtins(card) for card in self.cards.values()]

    def restore(self, cards: Iterable[ToolCard], families: dict[str, int]) -> None:
        """Become the roster that `cards_as_builtins` and `family_map` described."""
        self._family_of = dict(families)
        self.family_count = max(families.values(), default=-1) + 1
        self.replace(cards)

    def _share(self, values: Floats) -> Floats:
        best = self.family_max(values)[self.families]
        return best + SIBLING_SHARE * (values - best)

    def _rebuild(self) -> None:
        self.ids = list(self.cards)
        self._at = {tool: i for i, tool in enumerate(self.ids)}
        cards = list(self.cards.values())
        self.keys = [text_key(card) for card in cards]
        self._documents = {k: self._documents.get(k) or read_card(c) for k, c in zip(self.keys, cards, strict=True)}
        documents = [self._documents[key] for key in self.keys]
        self._index = LexicalIndex(documents)
        self._assign_families(cards, documents)
        if self._encode is not None:
            self._vectors = self._encode([plain_text(card) for card in cards]) if cards else None

    def _assign_families(self, cards: list[ToolCard], documents: list[Document]) -> None:
        fresh = [i for i, key in enumerate(self.keys) if key not in self._family_of]
        if fresh:
            # known texts first: a new text joins the family of the nearest one that is already placed
            placed = set(fresh)
            order = [i for i in range(len(cards)) if i not in placed] + fresh
            pairs = nearest_earlier(
                self._index.chars,
                [documents[i] for i in order],
                [cards[i].server for i in order],
                len(cards) - len(fresh),
            )
            joins = {order[i]: order[j] for i, j in pairs}
            for i in fresh:
                self._place(self.keys[i], self.keys[joins[i]] if i in joins else None)
        self.families = np.array([self._family_of[key] for key in self.keys], np.int64)

    def _place(self, key: str, sibling: str | None) -> None:
        if key in self._family_of:
            return
        if sibling is not None:
            self._family_of[key] = self._family_of[sibling]
            return
        self._family_of[key] = self.family_count
        self.family_count += 1
