"""A TOML table as a section's dataclass; every problem is noted with its path, and reading goes on. No I/O."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from typing import Any, TypeVar, get_args, get_origin

from gateway.config.fields import (
    MISSING,
    Key,
    Quantity,
    Ruled,
    array_of_tables,
    keys,
    table_of,
    type_words,
    without_none,
)
from gateway.config.quantities import seconds
from gateway.errors import Problem

T = TypeVar("T")
_KINDS = {
    str: "a string", bool: "true or false", int: "an integer", float: "a number", list: "an array", dict: "a table",
}  # fmt: skip
_BAD = object()  # what a value becomes that could not be read


class Decoder:
    """Reads tables; `problems` grows. `dropped`: arrays of tables that lost an entry, so that indexes have shifted."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.dropped: set[str] = set()

    def section(self, kind: type[T], table: Any, path: str) -> T | None:
        """Read one table; a bad key falls back to its default, None when a required one is missing or bad."""
        if not isinstance(table, dict):
            self._note(path or "config", f"must be a table, not {_kind_of(table)}")
            return None
        before, known = len(self.problems), keys(kind)
        for unknown in table.keys() - {key.name for key in known}:
            self._note(_join(path, unknown), _unknown_key(unknown, [key.name for key in known]))
        values: dict[str, Any] = {}
        for key in known:
            value = self._key(key, table, path)
            if value is not _BAD:
                values[key.attribute] = value
        if any(key.default is MISSING and key.attribute not in values for key in known):
            return None
        read = kind(**values)
        if len(self.problems) == before and isinstance(read, Ruled):
            self.problems += [Problem(_join(path, key), message) for key, message in read.problems()]
        return read

    def _key(self, key: Key, table: dict[str, Any], path: str) -> Any:
        here = _join(path, key.name)
        if key.name not in table:
            if key.default is MISSING:
                self._note(here, f"is required ({key.meaning[:1].lower()}{key.meaning[1:]})")
            return _BAD
        written = table[key.name]
        if type(written) in {int, float} and any(isinstance(check, Quantity) for check in key.checks):
            written = str(written)
        if key.type is float and key.name.endswith("Sec") and isinstance(written, str):
            span = seconds(written)  # these are systemd's words, and may have systemd's values
            written = written if span is None else span
        value = self._value(key.type, written, here)
        if value is _BAD:
            return _BAD
        return value if self._passes(key, value, here) else _BAD

    def _passes(self, key: Key, value: Any, here: str) -> bool:
        if key.range is not None and value is not None and not key.range.low <= value <= key.range.high:
            self._note(here, _out_of_range(key.range.low, key.range.high, value))
            return False
        for check in key.checks:
            if value is not None and (problem := check.problem(value)):
                self._note(here, problem)
                return False
        return True

    def _value(self, kind: Any, value: Any, here: str) -> Any:
        kind, _ = without_none(kind)
        if (inner := table_of(kind)) is not None:
            return self._or_bad(self.section(inner, value, here))
        if (item := array_of_tables(kind)) is not None:
            return self._tables(item, value, here)
        if get_origin(kind) is tuple:
            return self._array(get_args(kind)[0], value, here)
        if get_origin(kind) is dict:
            return self._dict(get_args(kind)[1], value, here)
        return self._scalar(kind, value, here)

    def _tables(self, item: type, value: Any, here: str) -> Any:
        if not isinstance(value, list):
            self._note(here, f"must be written as [[{here}]], once per entry")
            return _BAD
        read = [self.section(item, table, f"{here}[{index}]") for index, table in enumerate(value)]
        if None in read:
            self.dropped.add(here)
        return tuple(entry for entry in read if entry is not None)

    def _array(self, item: Any, value: Any, here: str) -> Any:
        if not isinstance(value, list):
            self._note(here, f"must be an array of {type_words(item)}s, not {_kind_of(value)}")
            return _BAD
        read = [self._value(item, entry, f"{here}[{index}]") for index, entry in enumerate(value)]
        return _BAD if _BAD in read else tuple(read)

    def _dict(self, item: Any, value: Any, here: str) -> Any:
        if not isinstance(value, dict):
            self._note(here, f"must be a table, not {_kind_of(value)}")
            return _BAD
        if item is Any:
            return value
        read = {key: self._value(item, entry, _join(here, key)) for key, entry in value.items()}
        return _BAD if any(entry is _BAD for entry in read.values()) else read

    def _scalar(self, kind: Any, value: Any, here: str) -> Any:
        read = _as(kind, value)
        if read is _BAD:
            got = f'"{value}"' if isinstance(value, str) and kind is not str else _kind_of(value)
            self._note(here, f"must be {_article(type_words(kind))}, not {got}")
        return read

    @staticmethod
    def _or_bad(value: Any) -> Any:
        return _BAD if value is None else value

    def _note(self, path: str, message: str) -> None:
        self.problems.append(Problem(path, message))


def _as(kind: Any, value: Any) -> Any:
    # bool is an int in Python; in TOML they are two things.
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if math.isfinite(value) else _BAD
    if kind in {str, bool, int}:
        return value if type(value) is kind else _BAD
    return value if value in get_args(kind) and isinstance(value, str) else _BAD


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path and key else path or key


def _out_of_range(low: float, high: float, value: float) -> str:
    bounds = f"at least {low:g}" if math.isinf(high) else f"between {low:g} and {high:g}"
    return f"must be {bounds}, not {value:g}"


def _unknown_key(unknown: str, known: Sequence[str]) -> str:
    by_lower = {name.lower(): name for name in known}
    nearest = difflib.get_close_matches(unknown.lower(), by_lower, n=1, cutoff=0.5)
    if nearest:
        return f'unknown key; did you mean "{by_lower[nearest[0]]}"?'
    return f"unknown key; known here: {', '.join(sorted(known))}"


def _kind_of(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    names = {
        str: "a string",
        bool: "true or false",
        int: "an integer",
        float: "a number",
        list: "an array",
        dict: "a table",
    }
    return names.get(type(value), "a date or time")


def _article(words: str) -> str:
    if words.startswith(("one of", "true")):
        return words
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"
