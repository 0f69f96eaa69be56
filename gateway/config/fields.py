"""What a section's dataclass says about its keys: type, default, meaning, bounds. Reader, renderer and docs share it.

A key is `key: Annotated[type, "meaning", Range(...), Check(...)] = default`. No I/O.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol, Union, get_args, get_origin, get_type_hints, runtime_checkable

MISSING = dataclasses.MISSING
COMPUTED = {"computed": True}
"""Metadata of a dataclass field that no file sets: it is found out while the configuration is read."""


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds of a number, both included."""

    low: float
    high: float = float("inf")


@dataclass(frozen=True, slots=True)
class Check:
    """A check of the value once its type is right: returns what is wrong, or ""."""

    problem: Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Quantity(Check):
    """A check of an amount: a string such as "512M", which may also be written as a plain number."""


@runtime_checkable
class Ruled(Protocol):
    """A section with rules over several of its keys, asked once each key by itself is right."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield (key or "" for the table, what is wrong)."""
        ...


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a section. `name` is the TOML's, `attribute` the dataclass's; `default` is MISSING when required."""

    name: str
    attribute: str
    type: Any
    meaning: str
    default: Any
    range: Range | None
    checks: tuple[Check, ...]


def keys(section: type) -> tuple[Key, ...]:
    """The keys of a section's dataclass, in order."""
    hints = get_type_hints(section, include_extras=True)
    written = (field for field in dataclasses.fields(section) if not field.metadata.get("computed"))
    return tuple(_key(field, hints[field.name]) for field in written)


def _key(field: dataclasses.Field[Any], hint: Any) -> Key:
    base, *extras = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    default = field.default_factory() if field.default_factory is not MISSING else field.default
    return Key(
        name=toml_name(field.name),
        attribute=field.name,
        type=base,
        meaning=next((extra for extra in extras if isinstance(extra, str)), ""),
        default=default,
        range=next((extra for extra in extras if isinstance(extra, Range)), None),
        checks=tuple(extra for extra in extras if isinstance(extra, Check)),
    )


def toml_name(attribute: str) -> str:
    """`from_` is spelled `from` in TOML."""
    return attribute.rstrip("_")


def table_of(kind: Any) -> type | None:
    """The dataclass if `kind` is one (a table)."""
    return kind if isinstance(kind, type) and dataclasses.is_dataclass(kind) else None


def array_of_tables(kind: Any) -> type | None:
    """The dataclass X if `kind` is tuple[X, ...] (an array of tables)."""
    return table_of(get_args(kind)[0]) if get_origin(kind) is tuple else None


def without_none(kind: Any) -> tuple[Any, bool]:
    """Split `X | None` into X and True; anything else into itself and False."""
    if get_origin(kind) in {Union, types.UnionType}:
        rest = [arg for arg in get_args(kind) if arg is not type(None)]
        return rest[0], True
    return kind, False


_PLAIN = {str: "string", int: "integer", float: "number", bool: "true or false"}


def type_words(kind: Any) -> str:
    """Say a type in words, for messages and docs."""
    kind, _ = without_none(kind)
    origin = get_origin(kind)
    if origin is Literal:
        return "one of " + ", ".join(f'"{value}"' for value in get_args(kind))
    if origin is tuple:
        return "array of tables" if array_of_tables(kind) else f"array of {type_words(get_args(kind)[0])}s"
    if origin is dict:
        return "table of strings" if get_args(kind)[1] is str else "table"
    return "table" if table_of(kind) else _PLAIN[kind]


def tables(section: type, path: str = "") -> Iterator[tuple[str, type]]:
    """Every table below `section` with its TOML path (`[[…]]` ones as `name[]`), outer before inner."""
    for key in keys(section):
        inner, suffix = (table_of(key.type), "") if table_of(key.type) else (array_of_tables(key.type), "[]")
        if inner is not None:
            here = f"{path}.{key.name}{suffix}" if path else f"{key.name}{suffix}"
            yield here, inner
            yield from tables(inner, here)
