"""Is a stranger's schema one at all? Its size, its depth and the kinds of its keywords. No I/O.

Not the metaschema: validating against it can itself be made to last, and its messages are about our validator's
insides rather than about the publisher's mistake.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

MAX_SCHEMA_BYTES = 64 * 1024
MAX_DEPTH = 32
JSON_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})


def why_not_used(schema: Mapping[str, Any]) -> str | None:
    """Say why a schema is too large or too deep to be used at all; None when it is neither."""
    if _depth(schema) > MAX_DEPTH:
        return f"it is nested deeper than {MAX_DEPTH} levels"
    try:
        size = len(json.dumps(schema, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    except (TypeError, ValueError):
        return "it is not JSON"
    return f"it is larger than {MAX_SCHEMA_BYTES // 1024} KiB" if size > MAX_SCHEMA_BYTES else None


def _depth(value: Any) -> int:
    level, deepest = [value], 0
    while level and deepest <= MAX_DEPTH:
        level = [child for item in level for child in _children(item)]
        deepest += 1
    return deepest


def _children(value: Any) -> list[Any]:
    found = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return [child for child in found if isinstance(child, (Mapping, list))]


def malformed(schema: Any) -> str | None:
    """Name the first keyword that is not what JSON Schema 2020-12 says it is; None when all are."""
    try:
        return next(_mistakes(schema, ""), None)
    except RecursionError:
        return "it is nested too deeply"


def _mistakes(schema: Any, where: str) -> Iterator[str]:
    if not isinstance(schema, (Mapping, bool)):
        yield f"{where.rstrip('.') or 'it'} is not a schema"
    if not isinstance(schema, Mapping):
        return
    for keyword, value in schema.items():
        test = _TESTS.get(keyword)
        if test is not None and not test(value):
            yield f"{where}{keyword} is malformed"
            continue
        for name, part in _parts(keyword, value):
            yield from _mistakes(part, f"{where}{name}.")


def _parts(keyword: str, value: Any) -> list[tuple[str, Any]]:
    """The schemas inside one keyword, by name."""
    if keyword in _ONE_SCHEMA:
        return [(keyword, value)]
    if keyword in _SCHEMA_LISTS:
        return [(keyword, part) for part in value]
    if keyword in _NAMED_SCHEMAS:
        return [(f"{keyword}.{str(name)[:40]}", part) for name, part in value.items()]
    return []


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return _is_number(value) and 0 <= value < math.inf and value == int(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_type(value: Any) -> bool:
    names = value if isinstance(value, list) else [value]
    return bool(names) and all(isinstance(name, str) and name in JSON_TYPES for name in names)


def _is_schema_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


_ONE_SCHEMA = frozenset(
    {"items", "contains", "additionalProperties", "propertyNames", "not", "if", "then", "else"}
    | {"unevaluatedItems", "unevaluatedProperties"}
)
_SCHEMA_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_NAMED_SCHEMAS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})

_TESTS: Mapping[str, Callable[[Any], bool]] = {
    "type": _is_type,
    "enum": lambda value: isinstance(value, list),
    "required": _are_texts,
    "dependentRequired": lambda value: _is_mapping(value) and all(_are_texts(part) for part in value.values()),
    "pattern": _is_text,
    "format": _is_text,
    "$ref": _is_text,
    "$dynamicRef": _is_text,
    "$anchor": _is_text,
    "$dynamicAnchor": _is_text,
    "$id": _is_text,
    "multipleOf": lambda value: _is_number(value) and value > 0,
    "uniqueItems": lambda value: isinstance(value, bool),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _is_number),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), _is_count),
    **dict.fromkeys(("minContains", "maxContains"), _is_count),
    **dict.fromkeys(_SCHEMA_LISTS, _is_schema_list),
    **dict.fromkeys(_NAMED_SCHEMAS, _is_mapping),
}
