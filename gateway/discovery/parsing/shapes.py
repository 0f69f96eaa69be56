"""What an answer should look like, stated field by field, and where a real one differs (drift). No I/O.

A shape is for watching, not for reading: nothing is refused for differing from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

UNKNOWN, MISSING, TYPE = "unknown", "missing", "type"
OTHER = "(other)"  # stands for field names that are odd, or too many
MAX_ROWS = 500  # entries of one list that are looked at
MAX_UNKNOWN = 20  # distinct unknown names that one answer may add
MAX_DEPTH = 12
_NAME = re.compile(r"[A-Za-z0-9_$.\-/]{1,48}")
_NULL = type(None)
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Drift:
    """A difference: `field` is its path (`servers[].useCount`), `kind` unknown, missing or type, `count` how often."""

    field: str
    kind: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Field:
    """One field: the JSON types it may have, whether it may be absent, and the shape of what is in it.

    `each`: "" when `inside` is the shape of the object itself, "[]" of every object of a list, "{}" of every value
    of an object.
    """

    types: frozenset[type]
    optional: bool = False
    inside: Shape | None = None
    each: str = ""


class Shape:
    """An object with these fields. `by` and `variants` add those that depend on the text of one field.

    An object whose `by` field holds a text without a variant is of an unknown kind: that is noted as an unknown value
    of that field, and fields beyond the common ones are not looked at.
    """

    __slots__ = ("_variants", "by", "fields")

    def __init__(
        self, fields: Mapping[str, Field], *, by: str = "", variants: Mapping[str, Mapping[str, Field]] | None = None
    ) -> None:
        self.fields = dict(fields)
        self.by = by
        self._variants = {text: {**fields, **more} for text, more in (variants or {}).items()}

    def of(self, value: Mapping[str, Any]) -> tuple[dict[str, Field], bool]:
        """Return the fields that `value` should have, and whether its kind is known."""
        if not self.by:
            return self.fields, True
        text = value.get(self.by)
        chosen = self._variants.get(text) if isinstance(text, str) else None
        return (chosen, True) if chosen is not None else (self.fields, False)

    def only(self, names: Iterable[str]) -> Shape:
        """Return the shape of an answer that was asked for just these fields."""
        return Shape({name: self.fields[name] for name in names if name in self.fields})


def text(*, nullable: bool = False, optional: bool = False) -> Field:
    """A string."""
    return _field({str}, nullable=nullable, optional=optional)


def number(*, nullable: bool = False, optional: bool = False) -> Field:
    """A number, whole or not."""
    return _field({int, float}, nullable=nullable, optional=optional)


def whole(*, nullable: bool = False, optional: bool = False) -> Field:
    """A whole number."""
    return _field({int}, nullable=nullable, optional=optional)


def flag(*, nullable: bool = False, optional: bool = False) -> Field:
    """True or false."""
    return _field({bool}, nullable=nullable, optional=optional)


def anything(*, nullable: bool = True, optional: bool = False) -> Field:
    """A value of any type."""
    return _field({str, int, float, bool, dict, list}, nullable=nullable, optional=optional)


def obj(inside: Shape | None = None, *, nullable: bool = False, optional: bool = False) -> Field:
    """An object; without a shape it is not looked into."""
    return _field({dict}, nullable=nullable, optional=optional, inside=inside)


def rows(inside: Shape | None = None, *, nullable: bool = False, optional: bool = False) -> Field:
    """A list of objects; without a shape a list of anything."""
    return _field({list}, nullable=nullable, optional=optional, inside=inside, each="[]")


def named(inside: Shape, *, nullable: bool = False, optional: bool = False) -> Field:
    """An object whose keys are free and whose values are objects."""
    return _field({dict}, nullable=nullable, optional=optional, inside=inside, each="{}")


def drift_of(value: object, shape: Shape) -> tuple[Drift, ...]:
    """Return how an answer differs from its shape, in order of first appearance; bounded, never raising."""
    looking = _Looking()
    if type(value) is dict:
        looking.at_object(value, shape, "", 0)
    else:
        looking.note("(answer)", TYPE)
    return tuple(Drift(field, kind, count) for (field, kind), count in looking.counts.items())


def _field(types: set[type], *, nullable: bool, optional: bool, inside: Shape | None = None, each: str = "") -> Field:
    return Field(frozenset(types | {_NULL} if nullable else types), optional, inside, each)


class _Looking:
    """One walk over one answer."""

    __slots__ = ("_unknown", "counts")

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str], int] = {}
        self._unknown: set[str] = set()

    def note(self, field: str, kind: str) -> None:
        """Count one difference."""
        self.counts[field, kind] = self.counts.get((field, kind), 0) + 1

    def at_object(self, value: dict[str, Any], shape: Shape, path: str, depth: int) -> None:
        """Compare one object with its shape. `path` ends with a dot, or is empty."""
        fields, is_known_kind = shape.of(value)
        for name, field in fields.items():
            got = value.get(name, _ABSENT)
            if type(got) not in field.types:
                self._differs(got, field, path + name)
            elif field.inside is not None and got is not None and depth < MAX_DEPTH:
                self._inside(got, field, path + name, depth + 1)
        if not is_known_kind:
            if isinstance(value.get(shape.by), str):
                self.note(path + shape.by, UNKNOWN)
        elif not value.keys() <= fields.keys():
            for name in value.keys() - fields.keys():
                self.note(self._unknown_path(path, name), UNKNOWN)

    def _differs(self, got: object, field: Field, path: str) -> None:
        if got is not _ABSENT:
            self.note(path, TYPE)
        elif not field.optional:
            self.note(path, MISSING)

    def _inside(self, got: Any, field: Field, path: str, depth: int) -> None:
        shape = field.inside
        if shape is None:
            return
        if not field.each:
            self.at_object(got, shape, path + ".", depth)
            return
        entries = got[:MAX_ROWS] if field.each == "[]" else list(got.values())[:MAX_ROWS]
        inner = f"{path}{field.each}."
        for entry in entries:
            if type(entry) is dict:
                self.at_object(entry, shape, inner, depth)
            else:
                self.note(path + field.each, TYPE)

    def _unknown_path(self, path: str, name: str) -> str:
        if _NAME.fullmatch(name) is None:
            return path + OTHER
        whole_path = path + name
        if whole_path not in self._unknown:
            if len(self._unknown) >= MAX_UNKNOWN:
                return path + OTHER
            self._unknown.add(whole_path)
        return whole_path
