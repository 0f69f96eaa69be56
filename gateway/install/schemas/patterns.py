"""Regular expressions from strangers: how long could one run on a text of this length, and is that affordable? No I/O.

A backtracking engine tries, at worst, every way in which a pattern can match. The number of those ways has an upper
bound that can be read from the pattern; a pattern is only run on texts for which that bound is small.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

MAX_PATTERN_CHARS = 500
MAX_WAYS = 1_000_000
_ENDLESS = MAX_WAYS + 1  # as good as infinite: more is never asked

# The standard library's own parser, so that what is judged is what runs. It has no public name.
_parser: Any = import_module("re._parser")

_SINGLE = {"LITERAL", "NOT_LITERAL", "ANY", "IN", "RANGE", "CATEGORY"}
_PLAIN_REPEATS = {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}


def matches(pattern: str, text: str) -> bool | None:
    """Whether the pattern is found in the text; None when it cannot be read, or could take too long to find out."""
    if len(pattern) > MAX_PATTERN_CHARS or ways(pattern, len(text)) > MAX_WAYS:
        return None
    try:
        return re.search(pattern, text) is not None
    except (re.error, RecursionError, OverflowError):
        return None


def ways(pattern: str, length: int) -> int:
    """An upper bound of the ways to try `pattern` on a text of this length; MAX_WAYS + 1 stands for more than that."""
    try:
        tokens = list(_parser.parse(pattern))
    except (re.error, RecursionError, OverflowError):
        return _ENDLESS
    first = tuple(map(str, tokens[0])) if tokens else ()
    anchored = first in {("AT", "AT_BEGINNING"), ("AT", "AT_BEGINNING_STRING")}
    return _capped(_sequence(tokens, length) * (1 if anchored else length + 1))


def _capped(number: int) -> int:
    return min(number, _ENDLESS)


def _sequence(tokens: Iterable[tuple[Any, Any]], length: int) -> int:
    product = 1
    for name, argument in tokens:
        product = _capped(product * _node(str(name), argument, length))
    return product


def _node(name: str, argument: Any, length: int) -> int:
    if name in _SINGLE or name == "AT":
        return 1
    if name in _PLAIN_REPEATS:
        least, most, body = argument
        return _repeat(int(least), int(most), body, length)
    readers: Mapping[str, Any] = {
        "BRANCH": lambda: sum(_sequence(branch, length) for branch in argument[1]),
        "SUBPATTERN": lambda: _sequence(argument[-1], length),
        "ATOMIC_GROUP": lambda: _sequence(argument, length),
        "ASSERT": lambda: _sequence(argument[1], length),
        "ASSERT_NOT": lambda: _sequence(argument[1], length),
    }
    reader = readers.get(name)
    # Back-references, conditionals and whatever comes later: their cost is not known here.
    return _capped(reader()) if reader is not None else _ENDLESS


def _repeat(least: int, most: int, body: Any, length: int) -> int:
    """Each number of repetitions is one way, times the ways of every repetition."""
    tokens = list(body)
    inner = _sequence(tokens, length)
    shortest = _parser.SubPattern.getwidth(body)[0]
    # More repetitions than the text has room for cannot succeed; an empty body is not repeated for ever.
    most = min(most, length // shortest + 1 if shortest else length + 1)
    choices = max(most - least, 0) + 1
    if not shortest:
        choices *= max(least, 1)  # empty repetitions take time without using up the text
    if inner == 1:
        return _capped(choices)
    power = 1
    for _ in range(most):
        power = _capped(power * inner)
        if power == _ENDLESS:
            return _ENDLESS
    return _capped(choices * power)
