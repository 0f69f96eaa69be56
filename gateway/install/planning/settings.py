"""The values a person gives a server: read, completed by defaults, checked against a schema. No I/O.

Secrets are known here by name only, as `${secret:KEY}`; the supervisor puts the value in when it starts the child.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import jsonschema
from referencing import Registry
from referencing.exceptions import Unresolvable

from gateway.errors import UsageError

Settings = Mapping[str, Any]
_SECRET_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}", re.ASCII)
MAX_SHOWN = 10


class SettingsError(UsageError):
    """Values are missing or wrong; `missing` and `missing_secrets` are the keys to ask for."""

    code = "settings"

    def __init__(self, message: str, *, missing: Sequence[str] = (), missing_secrets: Sequence[str] = ()) -> None:
        hints = [f"--set {key}=…" for key in missing] + [f"--secret {key}" for key in missing_secrets]
        super().__init__(message, fix=f"Give {' '.join(hints)}." if hints else "Correct the values and try again.")
        self.missing = tuple(missing)
        self.missing_secrets = tuple(missing_secrets)


class Problems:
    """Collects everything that is wrong with a server's values, to tell it at once."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._missing: list[str] = []
        self._missing_secrets: list[str] = []

    def add(self, line: str) -> None:
        """Note something wrong."""
        self._lines.append(line)

    def missing(self, key: str, title: str, *, secret: bool) -> None:
        """Note a value that is required and was not given."""
        label = f"{title!r} ({key})" if title and title != key else repr(key)
        self._lines.append(f"{label} is required")
        (self._missing_secrets if secret else self._missing).append(key)

    def unknown(self, keys: Iterable[str], known: Collection[str]) -> None:
        """Note keys that the server does not ask for, with the nearest ones it does."""
        for key in keys:
            near = difflib.get_close_matches(key, known, n=1)
            self._lines.append(f"{key!r} is not asked for" + (f"; did you mean {near[0]!r}?" if near else ""))

    def raise_if_any(self, server: str) -> None:
        """Raise everything noted.

        Raises: SettingsError.
        """
        if self._lines:
            shown = (
                self._lines[:MAX_SHOWN] + [f"and {len(self._lines) - MAX_SHOWN} more"][: len(self._lines) > MAX_SHOWN]
            )
            raise SettingsError(
                f"{server}: " + "; ".join(shown), missing=self._missing, missing_secrets=self._missing_secrets
            )


def secret_reference(key: str) -> str:
    """Spell the placeholder of a secret.

    Raises: UsageError when the key cannot name one.
    """
    return f"${{secret:{secret_key(key)}}}"


def secret_key(key: str) -> str:
    """Return `key` if it may name a secret.

    Raises: UsageError.
    """
    if _SECRET_KEY.fullmatch(key) is None or ".." in key:
        raise UsageError(
            f"{key[:60]!a} cannot name a secret", fix="Use letters, digits, '_', '-' and '.', up to 100 of them."
        )
    return key


def as_text(value: Any) -> str:
    """Spell a value for an environment variable, a header or an argument."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(as_text(item) for item in value)
    return str(value)


def coerce(value: Any, kind: str) -> Any:
    """Read text as the JSON type that a schema asks for; what cannot be read stays, and fails the check."""
    if not isinstance(value, str):
        return value
    match kind:
        case "boolean" if value.lower() in {"true", "false", "1", "0", "yes", "no", "on", "off"}:
            return value.lower() in {"true", "1", "yes", "on"}
        case "integer" if re.fullmatch(r"[+-]?\d{1,18}", value, re.ASCII):
            return int(value)
        case "number" if re.fullmatch(r"[+-]?\d{1,18}(\.\d{1,18})?", value, re.ASCII):
            return float(value) if "." in value else int(value)
        case "array":
            return [part.strip() for part in value.split(",")] if value else []
    return value


def check_schema_settings(
    schema: Mapping[str, Any],
    settings: Settings,
    secrets: Collection[str],
    problems: Problems,
    *,
    strict: bool = True,
) -> dict[str, Any]:
    """Complete and check settings against the JSON Schema of a listing; return them with defaults filled in.

    Keys in `secrets` are left out of the result and of the check: their values are not known here. With `strict`
    off, keys that the schema does not know are kept (somebody else will judge them).
    """
    properties = _properties(schema)
    values = {key: coerce(value, _kind(properties.get(key))) for key, value in nested(settings, properties).items()}
    parents = {key.split(".")[0] for key in secrets}  # "a.b" is a secret inside the object "a"
    for key, entry in properties.items():
        if "default" in entry and key not in values and key not in parents:
            values[key] = entry["default"]
    required = schema.get("required")
    for key in required if isinstance(required, list) else []:
        if isinstance(key, str) and key not in values and key not in parents:
            entry = properties.get(key, {})
            problems.missing(key, str(entry.get("title") or ""), secret=looks_secret(key, entry))
    if strict and schema.get("additionalProperties") is not True:
        problems.unknown([key for key in values if key not in properties], properties.keys())
    for key, value in values.items():
        if key in properties:
            loosened = {
                name: part for name, part in properties[key].items() if name != "required" or key not in parents
            }
            _check_value(key, value, loosened, problems)
    return values


def nested(settings: Settings, known: Collection[str]) -> dict[str, Any]:
    """Turn dotted keys into objects where the schema knows their first part only."""
    values: dict[str, Any] = {}
    for key, value in settings.items():
        first, _, rest = key.partition(".")
        if rest and key not in known and first in known:
            inner = values.setdefault(first, {})
            if isinstance(inner, dict):
                inner[rest] = value
        else:
            values[key] = value
    return values


def _properties(schema: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    found = schema.get("properties")
    if not isinstance(found, Mapping):
        return {}
    return {key: entry for key, entry in found.items() if isinstance(entry, Mapping)}


def _kind(entry: Mapping[str, Any] | None) -> str:
    kind = entry.get("type") if entry else None
    if isinstance(kind, list):  # ["string", "null"]
        kind = next((item for item in kind if item != "null"), None)
    return kind if isinstance(kind, str) else ""


# What a stranger's schema can do to its validator.
_UNUSABLE = (jsonschema.SchemaError, Unresolvable, RecursionError, TypeError, ValueError, KeyError, re.error)


def _check_value(key: str, value: Any, entry: Mapping[str, Any], problems: Problems) -> None:
    try:
        tamed = tame(entry)
        jsonschema.Draft202012Validator.check_schema(tamed)
        # An empty registry: a schema from a stranger must not make us fetch other schemas.
        validator = jsonschema.Draft202012Validator(tamed, registry=Registry())
        error = jsonschema.exceptions.best_match(validator.iter_errors(value))
    except _UNUSABLE as exc:
        problems.add(f"{key!r} has a schema that cannot be used ({type(exc).__name__})")
        return
    if error is not None:
        problems.add(f"{key!r}: {_without_value(error)}")


def _without_value(error: jsonschema.ValidationError) -> str:
    # jsonschema's own message quotes the value, which may be a secret given in the wrong place.
    if error.validator in {"enum", "const"}:
        return f"must be one of {error.validator_value!r}"[:200]
    return f"does not satisfy {error.validator} {error.validator_value!r}"[:200]


def looks_secret(key: str, entry: Mapping[str, Any]) -> bool:
    """Whether a property of a schema is a secret: said so, or plainly named so."""
    if entry.get("format") == "password" or entry.get("writeOnly") is True or entry.get("sensitive") is True:
        return True
    words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", key)}
    return bool(words & {"token", "secret", "password", "passwd", "apikey", "credential", "credentials"}) or (
        {"api", "key"} <= words or {"access", "key"} <= words or {"private", "key"} <= words
    )


_RISKY = re.compile(r"\)[*+?{]|\\[1-9]|\(\?|[*+}][*+?]")


def tame(schema: Any) -> Any:
    """Copy a stranger's schema without regular expressions that could run for ever."""
    if isinstance(schema, Mapping):
        return {
            key: tame(value)
            for key, value in schema.items()
            if key != "patternProperties" and not (key == "pattern" and _is_risky(value))
        }
    if isinstance(schema, list):
        return [tame(item) for item in schema]
    return schema


def _is_risky(pattern: Any) -> bool:
    if not isinstance(pattern, str) or len(pattern) > 200 or _RISKY.search(pattern):
        return True
    return len(re.findall(r"[*+{]", pattern)) > 3
