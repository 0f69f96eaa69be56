"""What is wrong with a value, in words that name the key, the rule and what is allowed, never the value. No I/O."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jsonschema.exceptions import ValidationError, best_match

from gateway.install.schemas import formats

MAX_SHOWN_CHOICES = 20
MAX_CHARS = 300


def worded(key: str, errors: Iterable[ValidationError]) -> str | None:
    """Say the most telling of the errors about the value of `key`; None when there is none."""
    error = best_match(errors)
    if error is None:
        return None
    # The library's own message quotes the value, which may be a secret given in the wrong place.
    place = ".".join([key, *map(str, error.absolute_path)]) if key else ".".join(map(str, error.absolute_path))
    sentence = _sentence(error)
    return f"{repr(place) if place else 'the configuration'} {sentence}"[:MAX_CHARS]


def _sentence(error: ValidationError) -> str:
    rule = str(error.validator)
    value: Any = error.validator_value
    if rule == "required":
        return f"lacks {choices(name for name in value if name not in _keys(error.instance))}"
    if rule in _SENTENCES:
        return _SENTENCES[rule](value)
    if rule in _KNOWN:
        return _KNOWN[rule].format(value)
    return f"does not satisfy {rule}"


def _keys(instance: Any) -> Mapping[str, Any]:
    return instance if isinstance(instance, Mapping) else {}


def choices(values: Iterable[Any]) -> str:
    """Spell allowed values, so that a person can copy one."""
    shown = [value if isinstance(value, str) else json.dumps(value, default=str) for value in values]
    more = [f"and {len(shown) - MAX_SHOWN_CHOICES} more"] if len(shown) > MAX_SHOWN_CHOICES else []
    return ", ".join([*map(repr, shown[:MAX_SHOWN_CHOICES]), *more])


def kind(type_: Any) -> str:
    """Spell what a schema's `type` asks for."""
    names = type_ if isinstance(type_, list) else [type_]
    return " or ".join(_KINDS.get(str(name), str(name)) for name in names if name != "null") or "left out"


def _format(name: Any) -> str:
    sample = formats.example(str(name))
    return f"must be a {name}" + (f", like {sample}" if sample else "")


_KINDS = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
}
_SENTENCES: Mapping[str, Callable[[Any], str]] = {
    "enum": lambda value: f"must be one of {choices(value)}",
    "const": lambda value: f"must be {choices([value])}",
    "type": lambda value: f"must be {kind(value)}",
    "format": _format,
    "oneOf": lambda value: f"fits none, or more than one, of the {len(value)} forms it may have",
    "anyOf": lambda value: f"fits none of the {len(value)} forms it may have",
    "dependentRequired": lambda value: (
        "lacks a key that another one needs: "
        + "; ".join(f"{key} needs {', '.join(names)}" for key, names in value.items())
    ),
}
_KNOWN = {
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "exclusiveMinimum": "must be more than {}",
    "exclusiveMaximum": "must be less than {}",
    "multipleOf": "must be a multiple of {}",
    "minLength": "must have at least {} characters",
    "maxLength": "must have at most {} characters",
    "pattern": "must match the pattern {}",
    "minItems": "must hold at least {} items",
    "maxItems": "must hold at most {} items",
    "uniqueItems": "must not hold the same thing twice",
    "minProperties": "must have at least {} keys",
    "maxProperties": "must have at most {} keys",
    "additionalProperties": "is not asked for",
    "not": "is one of the values that are excluded",
}
