"""Text into hashed features: words, word pairs, character n-grams. No I/O, no state but caches of pure functions.

Names are split at camelCase and snake_case, CJK text into pairs of characters, everything is case-folded. Hashes are
CRC-32, so features are the same in every process.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from gateway.model import ToolCard

LEXICAL_SPACE = 1 << 22
"""Room of the lexical hashes: collisions are rare at a million features."""

QUERY_SPACE = 1 << 13
"""Room of the learned query features: one weight row each, so it bounds the network's size."""

MAX_TEXT = 20_000
"""Characters of one text that are looked at: a hostile description cannot cost more."""

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_TOKEN = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+")
_IS_CJK = re.compile(rf"[{_CJK}]")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_COMMON_WORDS = (
    "a about all also am an and any are as at be been but by can could do does for from get give had has have "
    "hello help hi how i if in into is it its just know let like looking m make me more my need of on or our out "
    "please provide re s she should show so some t tell that the their them there these they this to too up us "
    "use using ve want was we were what when where which who why will with would you your"
)
_COMMON = frozenset(_COMMON_WORDS.split())
COMMON_WEIGHT = 0.25
"""Function words say little about which tool is meant, but not nothing."""


def words(text: str) -> list[str]:
    """Split a text into lower-case words; runs of CJK characters become overlapping pairs."""
    found: list[str] = []
    for token in _TOKEN.findall(unicodedata.normalize("NFKC", text[:MAX_TEXT])):
        if _IS_CJK.match(token):
            found.extend(token[i : i + 2] for i in range(max(1, len(token) - 1)))
        else:
            found.extend(part.casefold() for part in _CAMEL.split(token))
    return found


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """Cut the commonest English endings off; crude on purpose, the character n-grams do the rest."""
    for ending, rest in (("ies", "y"), ("ing", ""), ("ed", ""), ("es", ""), ("s", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            return word[: len(word) - len(ending)] + rest
    return word


@lru_cache(maxsize=1 << 16)
def _grams(word: str) -> tuple[int, ...]:
    padded = f" {word} "
    return tuple(
        crc32(padded[i : i + size].encode()) % LEXICAL_SPACE
        for size in (3, 4, 5)
        for i in range(max(1, len(padded) - size + 1))
    )


@lru_cache(maxsize=1 << 16)
def _word_hash(word: str) -> int:
    return crc32(b"w" + word.encode()) % LEXICAL_SPACE


def word_features(tokens: list[str]) -> Counter[int]:
    """Count hashed stems and pairs of stems."""
    stems = [stem(token) for token in tokens]
    counts = Counter(_word_hash(one) for one in stems)
    counts.update(_word_hash(f"{a} {b}") for a, b in pairwise(stems))
    return counts


def char_features(tokens: Iterable[str]) -> Counter[int]:
    """Count hashed character 3- to 5-grams inside words."""
    counts: Counter[int] = Counter()
    for token in tokens:
        counts.update(_grams(token))
    return counts


def query_features(query: str) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return (hashed feature numbers below QUERY_SPACE, weights of unit length) for the learned part of the policy."""
    stems = [(stem(token), COMMON_WEIGHT if token in _COMMON else 1.0) for token in words(query)]
    weights: dict[int, float] = {}
    for one, weight in stems:
        number = crc32(b"u" + one.encode()) % QUERY_SPACE
        weights[number] = max(weights.get(number, 0.0), weight)
    for (a, wa), (b, wb) in pairwise(stems):
        number = crc32(f"b{a} {b}".encode()) % QUERY_SPACE
        weights[number] = max(weights.get(number, 0.0), 0.7 * max(wa, wb) * (1.0 if wa == wb else 0.7))
    numbers = np.fromiter(weights.keys(), np.int32, len(weights))
    values = np.fromiter(weights.values(), np.float32, len(weights))
    norm = float(np.linalg.norm(values))
    return numbers, values / np.float32(norm) if norm > 0 else values


def parameter_names(schema: dict[str, Any]) -> list[str]:
    """Return the names of a tool's parameters; anything malformed counts as none."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return [str(name) for name in properties] if isinstance(properties, dict) else []


def text_key(card: ToolCard) -> str:
    """Name a tool by what it says of itself (not by its id): equal keys share what was learned."""
    parts = (card.name, card.description, card.server, card.server_description, *parameter_names(card.input_schema))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:24]


def plain_text(card: ToolCard) -> str:
    """One text for an encoder: the name in words, then the descriptions."""
    return ". ".join(part for part in (" ".join(words(card.name)), card.description, card.server_description) if part)
