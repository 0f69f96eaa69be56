"""Lenient reading of somebody else's JSON: a wrong or missing field becomes an unknown value. No I/O."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, Self

MAX_LINE = 300
MAX_TEXT = 4000
MAX_ITEMS = 500  # entries of one list inside one record; what lies beyond is ignored
_JOINERS = "\u200c\u200d"  # scripts and emoji need them; all other invisible formatting goes


def clean_text(value: object, limit: int = MAX_TEXT) -> str:
    """Return printable text without control characters and direction overrides, cut at `limit` characters."""
    if not isinstance(value, str):
        return ""
    begin = value[: limit * 2]
    # Nearly all text is plain, and a full sync reads millions of characters: only what needs it is sifted.
    kept = begin if begin.isprintable() else "".join(map(_kept, begin))
    return kept.strip()[:limit]


def _kept(char: str) -> str:
    if char in "\n\t":
        return " "
    if char in _JOINERS:
        return char
    return "" if unicodedata.category(char) in {"Cc", "Cf", "Cs"} else char


def web_address(value: object) -> str | None:
    """Return the text if it is an http(s) address without spaces or user name, else None."""
    text = clean_text(value, 2000)
    if not text.lower().startswith(("https://", "http://")) or text != value:
        return None
    host = text.split("://", 1)[1].split("/", 1)[0].split("?", 1)[0]
    if not host or "@" in host or "\\" in text or any(char.isspace() for char in text):
        return None
    return text


def spelled(value: object) -> str | None:
    """Return a default or fixed value as its text: strings as they are, booleans and numbers as JSON spells them."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value[:MAX_TEXT]
        case int() | float():
            return _number_text(value)
        case _:
            return None


def _number_text(value: float) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return repr(value) if abs(value) < 1e300 else None


class Fields:
    """One JSON object, asked field by field; nothing here raises."""

    __slots__ = ("_raw",)

    def __init__(self, raw: object) -> None:
        self._raw: Mapping[str, Any] = raw if isinstance(raw, dict) else {}

    def __contains__(self, key: str) -> bool:
        return self._raw.get(key) is not None

    def value(self, key: str) -> Any:
        """Return the field as it came, None when absent."""
        return self._raw.get(key)

    def line(self, key: str) -> str:
        """Return a short text, "" when absent."""
        return clean_text(self._raw.get(key), MAX_LINE)

    def text(self, key: str) -> str:
        """Return a longer text, "" when absent."""
        return clean_text(self._raw.get(key))

    def maybe_line(self, key: str) -> str | None:
        """Return a short text, None when absent or empty."""
        return self.line(key) or None

    def address(self, key: str) -> str | None:
        """Return an http(s) address, None when it is anything else."""
        return web_address(self._raw.get(key))

    def flag(self, key: str) -> bool | None:
        """Return a boolean, None when unknown."""
        value = self._raw.get(key)
        return value if isinstance(value, bool) else None

    def number(self, key: str) -> float | None:
        """Return a finite number, None when unknown."""
        value = self._raw.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e300:
            return None
        return float(value) if math.isfinite(value) else None

    def count(self, key: str) -> int | None:
        """Return a whole number >= 0, None when unknown."""
        number = self.number(key)
        return int(number) if number is not None and 0 <= number <= 2**53 else None

    def mapping(self, key: str) -> dict[str, Any]:
        """Return an object as it came, {} when it is anything else."""
        value = self._raw.get(key)
        return value if isinstance(value, dict) else {}

    def fields(self, key: str) -> Self:
        """Return an object to be asked in turn, an empty one when it is anything else."""
        return type(self)(self._raw.get(key))

    def rows(self, key: str) -> list[Self]:
        """Return the objects of a list; whatever else stands in it is left out."""
        value = self._raw.get(key)
        items = value[:MAX_ITEMS] if isinstance(value, list) else []
        return [type(self)(item) for item in items if isinstance(item, dict)]

    def named(self, key: str) -> Iterator[tuple[str, Self]]:
        """Walk over an object of objects: (its key, the object)."""
        for name, value in list(self.mapping(key).items())[:MAX_ITEMS]:
            if isinstance(name, str) and isinstance(value, dict):
                yield name, type(self)(value)

    def lines(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, numbers and booleans as texts."""
        value = self._raw.get(key)
        items = value[:MAX_ITEMS] if isinstance(value, list) else []
        return tuple(text for text in map(spelled, items) if text is not None)
