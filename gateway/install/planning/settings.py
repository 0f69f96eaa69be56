"""The values a person gives a server, and all that is wrong with them told at once. No I/O.

Secrets are known here by name only, as `${secret:KEY}`; the supervisor puts the value in when it starts the child.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from gateway.errors import UsageError

Settings = Mapping[str, Any]
_SECRET_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}", re.ASCII)
MAX_SHOWN = 10
MAX_NOTES = 10


class Placeholder(str):
    """Stands for a value that nobody gave yet, to show what a plan would look like; it is never checked."""

    __slots__ = ()


class SettingsError(UsageError):
    """Values are missing or wrong; `missing` and `missing_secrets` are the keys to ask for.

    `wanted` says of each missing key what is known to ask for it by: `{"key", "title", "description", "choices"}`.
    """

    code = "settings"

    def __init__(
        self,
        message: str,
        *,
        missing: Sequence[str] = (),
        missing_secrets: Sequence[str] = (),
        wanted: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(message, fix=_how_to_give(missing, missing_secrets) or "Correct the values and try again.")
        self.missing = tuple(missing)
        self.missing_secrets = tuple(missing_secrets)
        self.wanted = tuple(wanted)


class Problems:
    """Collects everything that is wrong with a server's values, to tell it at once; and notes, which are not wrong."""

    def __init__(self) -> None:
        self._notes: dict[str, None] = {}
        self._asked: list[str] = []
        self._lines: list[str] = []
        self._missing: list[str] = []
        self._missing_secrets: list[str] = []
        self._wanted: list[Mapping[str, Any]] = []

    def add(self, line: str) -> None:
        """Note something wrong."""
        self._lines.append(line)

    def note(self, line: str) -> None:
        """Note something that a person should know, though it stands in nobody's way."""
        self._notes[line] = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What was noted, each thing once."""
        return tuple(self._notes)[:MAX_NOTES]

    @property
    def asked(self) -> tuple[str, ...]:
        """What is required and was not given."""
        return tuple(self._asked)

    @property
    def asked_keys(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The keys of what is required and was not given: the plain ones, and those of secrets."""
        return tuple(self._missing), tuple(self._missing_secrets)

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong and cannot be mended by giving more values."""
        return tuple(line for line in self._lines if line not in self._asked)

    def how_to_give(self) -> str:
        """Say how the missing values are given; empty when none is missing."""
        return _how_to_give(self._missing, self._missing_secrets)

    @property
    def lines(self) -> tuple[str, ...]:
        """What is wrong."""
        return tuple(self._lines)

    def missing(
        self, key: str, title: str, *, secret: bool, description: str = "", choices: Iterable[Any] = ()
    ) -> None:
        """Note a value that is required and was not given."""
        self._wanted.append(
            {"key": key, "title": title, "description": description, "choices": [as_text(choice) for choice in choices]}
        )
        label = f"{title!r} ({key})" if title and title != key else repr(key)
        self._asked.append(f"{label} is required")
        self._lines.append(self._asked[-1])
        (self._missing_secrets if secret else self._missing).append(key)

    def unknown(self, keys: Iterable[str], known: Collection[str], *, otherwise: str = "") -> None:
        """Note keys that the server does not ask for, with the nearest ones it does.

        `otherwise` says how to insist, for descriptions that may be out of date; `{key}` in it is the key.
        """
        for key in keys:
            near = difflib.get_close_matches(key, known, n=1)
            insist = "; " + otherwise.replace("{key}", key) if otherwise else ""
            asked = "" if near or not known else f" (it asks for {', '.join(sorted(known)[:MAX_SHOWN])})"
            meant = f"; did you mean {near[0]!r}?" if near else asked
            self._lines.append(f"{key!r} is not asked for{meant}{insist}")

    def raise_if_any(self, server: str) -> None:
        """Raise everything noted.

        Raises: SettingsError.
        """
        if self._lines:
            shown = (
                self._lines[:MAX_SHOWN] + [f"and {len(self._lines) - MAX_SHOWN} more"][: len(self._lines) > MAX_SHOWN]
            )
            raise SettingsError(
                f"{server}: " + "; ".join(shown),
                missing=self._missing,
                missing_secrets=self._missing_secrets,
                wanted=self._wanted,
            )


def _how_to_give(missing: Sequence[str], missing_secrets: Sequence[str]) -> str:
    hints = [f"--set {key}=…" for key in missing] + [f"--secret {key}" for key in missing_secrets]
    return f"Give {' '.join(hints)}." if hints else ""


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


def words_of(value: Any) -> list[str]:
    """The texts in a value, however deep they lie; a list that is written as one text, taken apart as well."""
    if isinstance(value, Mapping):
        return [word for item in value.values() for word in words_of(item)]
    if isinstance(value, (list, tuple)):
        return [word for item in value for word in words_of(item)]
    if not isinstance(value, str) or isinstance(value, Placeholder):
        return []
    read = coerce(value, "array") if value.lstrip().startswith("[") else value
    return words_of(read) if isinstance(read, list) else [value]


def coerce(value: Any, kind: str) -> Any:
    """Read text as the JSON type that a schema asks for; what cannot be read stays, and fails the check.

    Lists may be written with commas or as JSON, objects as JSON.
    """
    if not isinstance(value, str) or isinstance(value, Placeholder):
        return value
    match kind:
        case "boolean" if value.lower() in {"true", "false", "1", "0", "yes", "no", "on", "off"}:
            return value.lower() in {"true", "1", "yes", "on"}
        case "integer" if re.fullmatch(r"[+-]?\d{1,18}", value, re.ASCII):
            return int(value)
        case "number" if re.fullmatch(r"[+-]?\d{1,18}(\.\d{1,18})?", value, re.ASCII):
            return float(value) if "." in value else int(value)
        case "array" if value.lstrip().startswith("["):
            return _json_of(value, list)
        case "array":
            return [part.strip() for part in value.split(",")] if value else []
        case "object" if value.lstrip().startswith("{"):
            return _json_of(value, dict)
    return value


def _json_of(text: str, kind: type) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, kind) else text


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


def looks_secret(key: str, entry: Mapping[str, Any]) -> bool:
    """Whether a property of a schema is a secret: said so, or plainly named so."""
    if entry.get("format") == "password" or entry.get("writeOnly") is True or entry.get("sensitive") is True:
        return True
    words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", key)}
    return bool(words & {"token", "secret", "password", "passwd", "apikey", "credential", "credentials"}) or (
        {"api", "key"} <= words or {"access", "key"} <= words or {"private", "key"} <= words
    )
