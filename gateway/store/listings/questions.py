"""A person's question as an expression of the full-text index. No I/O.

Every word is quoted and holds letters and digits only, so no question can be a syntax error or an operator.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.store.listings.wording import asked_terms, is_dense, pairs, plain_name, words

SHORTEST_PREFIX = 3  # an unfinished word of fewer letters begins half of all words
MAX_TRIGRAMS = 24


def expressions(query: str) -> list[str]:
    """Return one expression for each word that a question is about; the last word may be unfinished."""
    found = asked_terms(plain_name(query) if "/" in query and " " not in query.strip() else query)
    return [_term(word, is_last=word == found[-1]) for word in found]


def all_of(parts: Sequence[str]) -> str:
    """Ask for listings that hold all of it."""
    return " AND ".join(parts)


def any_of(parts: Sequence[str]) -> str:
    """Ask for listings that hold some of it; of a phrase of pairs of letters (dense scripts) one pair is some."""
    return " OR ".join(_loose(part) for part in parts)


def in_name(expression: str) -> str:
    """Narrow an expression to what listings are called."""
    return f"{{w_name w_title}} : ({expression})"


def _loose(part: str) -> str:
    return " OR ".join(_quoted(pair) for pair in part[1:-1].split()) if " " in part and part[-1] == '"' else part


def like_name(text: str) -> str | None:
    """Ask the index of names for those that share pieces of three letters with a text; None when it has none."""
    pieces = dict.fromkeys(word[at : at + 3] for word in words(text[:200]) for at in range(len(word) - 2))
    return " OR ".join(_quoted(piece) for piece in [*pieces][:MAX_TRIGRAMS]) or None


def _term(word: str, *, is_last: bool) -> str:
    if is_dense(word):
        # One letter begins a pair, or stands last. More letters: their pairs, in a row.
        return f"{_quoted(word)} *" if len(word) == 1 else _quoted(" ".join(pairs(word)))
    if is_last and len(word) >= SHORTEST_PREFIX:
        return f"({_quoted(word)} OR {_quoted(word)} *)"
    return _quoted(word)


def _quoted(text: str) -> str:
    return f'"{text}"'
