"""Searching by several words in a registry that looks for one piece of text. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from gateway.listing import Listing

MAX_NEEDLES = 3  # questions that one search may cost
# Words that stand in half of all entries, or in none of their names.
_SAYS_LITTLE = frozenset(
    {"a", "an", "and", "any", "api", "are", "by", "can", "do", "find", "for", "from", "get", "how", "i", "in", "is",
     "it", "me", "my", "need", "of", "on", "or", "please", "server", "servers", "some", "that", "the", "to", "tool",
     "tools", "use", "using", "want", "what", "with", "mcp"}
)  # fmt: skip
_WORD = re.compile(r"[^\s,;:!?()\[\]{}\"'`]+")


def telling_words(query: str) -> tuple[str, ...]:
    """Return the words of a query that say something, each once; all of them when none does."""
    words = tuple(dict.fromkeys(word.strip(".").casefold() for word in _WORD.findall(query)))
    return tuple(word for word in words if word and word not in _SAYS_LITTLE) or tuple(filter(None, words))


def needles(query: str, most: int = MAX_NEEDLES) -> tuple[str, ...]:
    """Choose what to look for: the longest words, which say most; a word inside another adds nothing."""
    chosen: list[str] = []
    for word in sorted(telling_words(query), key=lambda word: -len(word)):
        if not any(word in other for other in chosen):
            chosen.append(word)
    return tuple(chosen[:most])


def by_matches(query: str, answers: Iterable[Sequence[Listing]]) -> tuple[Listing, ...]:
    """Merge the answers to several questions: listings with most of the query's words first, then in their order."""
    words = telling_words(query)
    places: dict[str, tuple[int, Listing]] = {}
    for listings in answers:
        for place, listing in enumerate(listings):
            if listing.name not in places or place < places[listing.name][0]:
                places[listing.name] = (place, listing)
    ordered = sorted(places.values(), key=lambda found: (-_hits(words, found[1]), found[0]))
    return tuple(listing for _, listing in ordered)


def _hits(words: Sequence[str], listing: Listing) -> int:
    text = f"{listing.name} {listing.display_name} {listing.description}".casefold()
    return sum(word in text for word in words)
