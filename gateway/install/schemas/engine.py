"""The jsonschema library with limits: a schema from a stranger cannot make it hang, recurse for ever or fetch. No I/O.

What could: a regular expression that backtracks; references that fan out, so that a small schema asks for 2^n steps;
a reference to another document; and `$schema`, by which a part of a schema chooses another validator, without limits.
Every step of a validation carries its format checker along; ours counts the steps and remembers what was left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

import jsonschema
from jsonschema.exceptions import FormatError, UnknownType, ValidationError
from jsonschema.validators import Draft202012Validator, extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from gateway.install.schemas import formats
from gateway.install.schemas.patterns import matches

MAX_STEPS = 100_000
MAX_ERRORS = 20

Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError]]


class Unusable(Exception):
    """A schema that says nothing we could go by, and why."""


class _Watch(jsonschema.FormatChecker):
    """Checks formats by our own table, counts steps, and notes what was not checked."""

    def __init__(self) -> None:
        super().__init__(formats=())
        self.left = MAX_STEPS
        self.skipped: list[str] = []

    def spend(self, steps: int) -> None:
        self.left -= steps
        if self.left < 0:
            raise Unusable("checking it takes too long")

    def check(self, instance: object, format: str) -> None:  # noqa: A002 - the library's name
        if isinstance(instance, str) and formats.fits(instance, format) is False:
            raise FormatError(f"not a {format}")


class Judge:
    """Checks values against one schema and its parts. The schema has passed `shape.why_not_used`."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = _without_dialects(schema)

    def errors(self, value: Any, part: Mapping[str, Any] | None = None) -> tuple[list[ValidationError], list[str]]:
        """What is wrong with a value, by the whole schema or by one part of it, and what could not be checked.

        Raises: Unusable.
        """
        watch = _Watch()
        try:
            # An empty registry: a reference to another document leads nowhere.
            validator = _Limited(self._schema, registry=Registry(), format_checker=watch)
            found = validator.iter_errors(value) if part is None else validator.descend(value, _without_dialects(part))
            return list(islice(found, MAX_ERRORS)), watch.skipped
        except Unresolvable as exc:
            raise Unusable(f"it refers to {str(getattr(exc, 'ref', ''))[:60]!r}, which is not in it") from exc
        except UnknownType as exc:
            raise Unusable("it names a type that there is not") from exc
        except RecursionError as exc:
            raise Unusable("it refers to itself without end") from exc
        except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as exc:
            raise Unusable(f"its keywords do not fit together ({type(exc).__name__})") from exc


def _without_dialects(schema: Any) -> Any:
    if isinstance(schema, Mapping):
        return {
            key: _without_dialects(value)
            for key, value in schema.items()
            if key != "$schema" or isinstance(value, Mapping)
        }
    return [_without_dialects(item) for item in schema] if isinstance(schema, list) else schema


def _counted(keyword: Keyword) -> Keyword:
    def counted(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        size = len(value) if isinstance(value, (list, Mapping, str)) else 0
        validator.format_checker.spend(1 + len(schema) + size)
        yield from keyword(validator, value, instance, schema) or ()

    return counted


def _pattern(validator: Any, pattern: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:  # noqa: ARG001
    if not isinstance(instance, str):
        return
    found = matches(pattern, instance)
    if found is None:
        validator.format_checker.skipped.append(f"the pattern {pattern[:60]!r}")
    elif not found:
        yield ValidationError("does not match")


def _pattern_properties(validator: Any, patterns: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:  # noqa: ARG001
    if not isinstance(instance, Mapping):
        return
    for pattern, part in patterns.items():
        for key, value in instance.items():
            found = matches(pattern, key)
            if found is None:
                validator.format_checker.skipped.append(f"the pattern {pattern[:60]!r}")
            elif found:
                yield from validator.descend(value, part, path=key, schema_path=pattern)


def _additional(validator: Any, part: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not isinstance(instance, Mapping):
        return
    patterns = schema.get("patternProperties") or {}
    for key, value in instance.items():
        # A pattern that cannot be run may well have meant this key.
        if key in (schema.get("properties") or {}) or any(matches(pattern, key) is not False for pattern in patterns):
            continue
        if part is False:
            yield ValidationError("is not asked for", path=[key])
        elif part is not True:
            yield from validator.descend(value, part, path=key)


def _unique(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:  # noqa: ARG001
    # The library compares each item with each other one when they cannot be sorted.
    if wanted and isinstance(instance, list):
        spelled = {json.dumps(item, sort_keys=True, default=str) for item in instance}
        if len(spelled) < len(instance):
            yield ValidationError("holds the same twice")


def _unevaluated(validator: Any, part: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:  # noqa: ARG001
    validator.format_checker.skipped.append("unevaluatedProperties")
    yield from ()


_OURS: Mapping[str, Keyword] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional,
    "uniqueItems": _unique,
    "unevaluatedProperties": _unevaluated,
}
_Limited: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {name: _counted(_OURS.get(name, keyword)) for name, keyword in Draft202012Validator.VALIDATORS.items()},
)
