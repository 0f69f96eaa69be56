"""The words of names, texts and questions, in one spelling, for the index and for whoever compares them. No I/O.

Scripts without spaces (Chinese, Japanese, Korean, Thai, …) are cut into overlapping pairs of letters: a word of two
letters is the usual length there, and no list of words is needed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

MAX_TERMS = 16  # of a question: what lies beyond narrows nothing for a person and costs time
STOP_WORDS = frozenset(
    {"a", "an", "and", "for", "in", "mcp", "of", "on", "or", "server", "servers", "the", "to", "with"}
)
_HOSTED_OWNERS = ("io.github.", "com.github.", "io.gitlab.", "com.gitlab.")
_DENSE = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_RUNS = re.compile(f"[{_DENSE}]+|[^{_DENSE}]+")
_ASCII_WORD = re.compile(r"[A-Za-z0-9]+")
_HUMPS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def plain_name(name: str) -> str:
    """Return a name in one spelling: `@Acme/X` and `io.github.acme/x` are `acme/x`."""
    plain = name.strip().removeprefix("@").casefold()
    for prefix in _HOSTED_OWNERS:
        if plain.startswith(prefix):
            return plain.removeprefix(prefix)
    return plain


def last_part(name: str) -> str:
    """Return what follows the owner in a name, in one spelling."""
    return plain_name(name).rsplit("/", 1)[-1]


def repository_key(address: str | None) -> str | None:
    """Return a repository's address in one spelling, None when unknown."""
    if not address:
        return None
    bare = address.casefold().split("://", 1)[-1].split("#", 1)[0].split("?", 1)[0]
    return bare.removeprefix("www.").rstrip("/").removesuffix(".git") or None


def words(text: str) -> list[str]:
    """Return the words of a text in their order, folded; dense scripts as whole runs."""
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    return list(_words(unicodedata.normalize("NFKC", text).casefold()))


def terms(text: str) -> list[str]:
    """Return what a text is found by, in order: its words, and pairs (then the last letter) of dense scripts."""
    return [term for word in words(text) for term in ([word] if not is_dense(word) else [*pairs(word), word[-1]])]


def asked_terms(query: str) -> list[str]:
    """Return the words that a question is about, each once: stop words only when there is nothing else."""
    found = dict.fromkeys(words(query[: 64 * MAX_TERMS]))
    return ([word for word in found if word not in STOP_WORDS] or [*found])[:MAX_TERMS]


def indexed(text: str, *, compounds: bool = False) -> str:
    """Return the text that the index gets: its terms, and the parts of `camelCase` words.

    With `compounds` also the whole written as one word: `web-search` is found by `websearch`.
    """
    found = terms(text)
    found += [hump for word in _ASCII_WORD.findall(text) for hump in _humps(word)]
    if compounds and len(found) > 1:
        found.append("".join(words(text)))
    return " ".join(found)


def is_dense(word: str) -> bool:
    """Say whether a word is of a script that puts no spaces between words."""
    return not word.isascii() and _RUNS.match(word) is not None and _is_dense_letter(word[0])


def pairs(word: str) -> list[str]:
    """Return the overlapping pairs of letters of a run; none of a single letter."""
    return [word[at : at + 2] for at in range(len(word) - 1)]


def _words(folded: str) -> Iterator[str]:
    spaced = "".join(letter if _is_of_word(letter) else " " for letter in folded)
    for piece in spaced.split():
        yield from _RUNS.findall(piece)


def _is_of_word(letter: str) -> bool:
    return letter.isalnum() or unicodedata.category(letter)[0] == "M"


def _is_dense_letter(letter: str) -> bool:
    return _DENSE_LETTER.match(letter) is not None


_DENSE_LETTER = re.compile(f"[{_DENSE}]")


def _humps(word: str) -> list[str]:
    if word.islower() or word.isupper() or word.isdigit():
        return []
    humps = [hump.lower() for hump in _HUMPS.findall(word)]
    return humps if len(humps) > 1 else []
