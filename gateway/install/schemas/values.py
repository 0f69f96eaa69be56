"""A person's values for a stranger's configuration schema: read by their types, completed, checked. No I/O.

A schema that is broken, too large or asks for too much work is the publisher's mistake: it is noted, and the values
go on unchecked. What is wrong with a value is a problem, told by key and rule, never with the value itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from gateway.install.planning.settings import Placeholder, Problems, Settings, as_text, coerce, looks_secret, nested
from gateway.install.schemas.engine import Judge, Unusable
from gateway.install.schemas.shape import malformed, why_not_used
from gateway.install.schemas.wording import worded

MAX_REFERENCES = 8  # how many references are followed to find out a property's type
MAX_DEFAULT_DEPTH = 8
_OF_PROPERTIES = frozenset({"properties", "required", "additionalProperties", "title", "description", "type"})


def check_schema_settings(
    schema: Mapping[str, Any],
    settings: Settings,
    secrets: Collection[str],
    problems: Problems,
    *,
    strict: bool = True,
    secret_values: Mapping[str, str] | None = None,
    otherwise: str = "",
) -> dict[str, Any]:
    """Complete and check settings against the JSON Schema of a listing; return them with defaults filled in.

    Keys in `secrets` are left out of the result; those of `secret_values` are checked all the same. With `strict` off,
    keys that the schema does not know are kept (somebody else will judge them); `otherwise` says how to insist on one.
    """
    trouble = why_not_used(schema)
    if trouble is not None:
        problems.note(f"its configuration schema is not used, because {trouble}; the values are taken as they are")
        return {key: value for key, value in settings.items() if key not in secrets}
    checker = _Checker(schema, {key.split(".")[0] for key in secrets}, problems)
    values = checker.read(settings)
    defaults = checker.complete(values)
    checker.find_missing(values)
    if strict and schema.get("additionalProperties") is not True:
        problems.unknown(
            [key for key in values if key not in checker.properties], checker.properties, otherwise=otherwise
        )
    for key, value in values.items():
        checker.check(key, value, is_default=key in defaults)
    for key, value in (secret_values or {}).items():
        checker.check(key, checker.typed(key, value))
    if not problems.lines:
        checker.check_together(values)
    return values


class _Checker:
    """One schema and what was found out with it; `parents` are the keys that are, or hold, a secret."""

    def __init__(self, schema: Mapping[str, Any], parents: set[str], problems: Problems) -> None:
        self._schema = schema
        self._parents = parents
        self._problems = problems
        self._judge = Judge(schema)
        found = schema.get("properties")
        entries = found.items() if isinstance(found, Mapping) else ()
        self.properties: dict[str, Mapping[str, Any]] = {
            key: entry if isinstance(entry, Mapping) else {} for key, entry in entries
        }

    def read(self, settings: Settings) -> dict[str, Any]:
        """The settings with dotted keys as objects and texts read as the types that are asked for."""
        return {key: self.typed(key, value) for key, value in nested(settings, self.properties).items()}

    def typed(self, key: str, value: Any) -> Any:
        """One value read as its property's type."""
        return _typed(value, self.properties.get(key, {}), self._schema)

    def complete(self, values: dict[str, Any]) -> set[str]:
        """Put in the defaults, also those inside objects that were given; returns the keys that were absent."""
        added = [
            key
            for key, entry in self.properties.items()
            if "default" in entry and key not in values and key not in self._parents
        ]
        for key in added:
            values[key] = self.properties[key]["default"]
        for key, value in values.items():
            if isinstance(value, dict) and key not in added:
                values[key] = _completed(value, self.properties.get(key, {}), self._schema, 0)
        return set(added)

    def find_missing(self, values: Mapping[str, Any]) -> None:
        """Tell about required keys that have no value, with all that a person needs to give one."""
        required = self._schema.get("required")
        for key in required if isinstance(required, list) else []:
            if isinstance(key, str) and key not in values and key not in self._parents:
                entry = self.properties.get(key, {})
                self._problems.missing(
                    key,
                    str(entry.get("title") or ""),
                    secret=looks_secret(key, entry),
                    description=str(entry.get("description") or ""),
                    choices=found if isinstance(found := entry.get("enum"), list) else (),
                )

    def check(self, key: str, value: Any, *, is_default: bool = False) -> None:
        """Tell what is wrong with one value."""
        entry = self.properties.get(key)
        if entry is None or isinstance(value, Placeholder):
            return
        mistake = malformed(entry)
        if mistake is not None:
            self._problems.note(f"{key!r} is not checked: in its schema, {mistake}")
            return
        loosened = {name: part for name, part in entry.items() if name != "required" or key not in self._parents}
        sentence = self._judged(key, value, loosened)
        if sentence is not None and is_default:
            self._problems.note(f"the publisher's own default does not fit: {sentence}")
        elif sentence is not None:
            self._problems.add(sentence)

    def check_together(self, values: Mapping[str, Any]) -> None:
        """Tell what is wrong with the values as a whole: what needs, or excludes, what. Secrets count as given."""
        rest = {keyword: part for keyword, part in self._schema.items() if keyword not in _OF_PROPERTIES}
        if any(isinstance(value, Placeholder) for value in values.values()):
            return
        mistake = malformed(rest)
        if mistake is not None:
            self._problems.note(f"the configuration is not checked as a whole: in its schema, {mistake}")
            return
        sentence = self._judged("", {**values, **dict.fromkeys(self._parents, "")}, _blind(rest, self._parents))
        if sentence is not None:
            self._problems.add(sentence)

    def _judged(self, key: str, value: Any, part: Mapping[str, Any]) -> str | None:
        what = repr(key) if key else "the configuration as a whole"
        try:
            errors, skipped = self._judge.errors(value, part)
        except Unusable as exc:
            self._problems.note(f"{what} is not checked: its schema cannot be used, {exc}")
            return None
        for rule in skipped:
            self._problems.note(f"{what} is not checked by {rule}, which could run for too long")
        return worded(key, errors)


def _typed(value: Any, entry: Any, root: Mapping[str, Any]) -> Any:
    known = _followed(entry, root)
    if isinstance(value, str):
        value = _from_text(value, known, root)
    if isinstance(value, list):
        items = known.get("items")
        return [_typed(item, items, root) for item in value] if isinstance(items, Mapping) else value
    parts = known.get("properties")
    if isinstance(value, dict) and isinstance(parts, Mapping):
        return {key: _typed(item, parts.get(key), root) for key, item in value.items()}
    return value


def _from_text(text: str, entry: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    choices = entry.get("enum")
    if isinstance(choices, list) and text not in choices:
        return next((choice for choice in choices if as_text(choice) == text), text)
    kinds = list(_kinds(entry, root))
    if "string" in kinds:
        return text
    return next((read for kind in kinds if (read := coerce(text, kind)) is not text), text)


def _kinds(entry: Mapping[str, Any], root: Mapping[str, Any]) -> Iterable[str]:
    """The types that a property may have, by itself or by its alternatives."""
    found = entry.get("type")
    yield from [kind for kind in (found if isinstance(found, list) else [found]) if isinstance(kind, str)]
    for keyword in ("anyOf", "oneOf"):
        branches = entry.get(keyword)
        for branch in branches if isinstance(branches, list) else []:
            kind = _followed(branch, root).get("type")
            if isinstance(kind, str):
                yield kind


def _followed(entry: Any, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """The entry itself, or what its reference within the same document leads to."""
    for _ in range(MAX_REFERENCES):
        reference = entry.get("$ref") if isinstance(entry, Mapping) else None
        if not isinstance(reference, str) or not reference.startswith("#/"):
            break
        entry = root
        for part in reference[2:].split("/"):
            entry = entry.get(part) if isinstance(entry, Mapping) else None
    return entry if isinstance(entry, Mapping) else {}


def _completed(value: dict[str, Any], entry: Any, root: Mapping[str, Any], depth: int) -> dict[str, Any]:
    parts = _followed(entry, root).get("properties")
    if not isinstance(parts, Mapping) or depth >= MAX_DEFAULT_DEPTH:
        return value
    defaults = {key: part["default"] for key, part in parts.items() if isinstance(part, Mapping) and "default" in part}
    whole = {**defaults, **value}
    return {
        key: _completed(item, parts.get(key), root, depth + 1) if isinstance(item, dict) else item
        for key, item in whole.items()
    }


def _blind(schema: Any, names: Collection[str]) -> Any:
    """Copy a schema without what it says about the values of these properties, which are not known here."""
    if isinstance(schema, Mapping):
        copy = {key: _blind(value, names) for key, value in schema.items()}
        parts = copy.get("properties")
        if isinstance(parts, dict):
            copy["properties"] = {key: part for key, part in parts.items() if key not in names}
        return copy
    return [_blind(item, names) for item in schema] if isinstance(schema, list) else schema
