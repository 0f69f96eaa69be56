"""Values given on the command line: settings, secrets (never as bare arguments) and JSON objects."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gateway.errors import UsageError

SECRET_PREFIX = "MCP_GATEWAY_SECRET_"  # noqa: S105 - a variable's name


def read_settings(given: Iterable[str]) -> dict[str, Any]:
    """Read KEY=VALUE (text) and KEY:=JSON.

    Raises: UsageError for anything else, and for a key given twice.
    """
    settings: dict[str, Any] = {}
    for item in given:
        key, sep, value = item.partition("=")
        is_json = key.endswith(":")
        key = key.removesuffix(":").strip()
        if not sep or not key:
            raise UsageError(f"--set {item!r} is not KEY=VALUE", fix="Write --set KEY=VALUE, or KEY:=JSON.")
        if key in settings:
            raise UsageError(f"the setting {key} is given twice", fix="Give it once.")
        settings[key] = _json(value, f"--set {key}") if is_json else value
    return settings


def read_secret(spec: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Read KEY (from its variable), KEY=@FILE or KEY=- (standard input).

    Raises: UsageError naming the variable or the file; also for a bare value, which other users could see in `ps`.
    """
    key, sep, place = spec.partition("=")
    if not key:
        raise UsageError("a secret has no name", fix="Write KEY, KEY=@FILE or KEY=-.")
    if not sep:
        return key, _from_variable(key, environ)
    if place == "-":
        return key, sys.stdin.read().rstrip("\r\n")
    if place.startswith("@"):
        return key, _file(place[1:], f"the secret {key}").rstrip("\r\n")
    raise UsageError(
        f"the value of the secret {key} must not stand on the command line, where other users can read it",
        fix=f"Set {variable_of(key)} and write only {key}; or write {key}=@FILE or {key}=-.",
    )


def variable_of(key: str) -> str:
    """Name the variable from which a secret is read."""
    return SECRET_PREFIX + re.sub(r"[^A-Za-z0-9_]", "_", key)


def _from_variable(key: str, environ: Mapping[str, str]) -> str:
    value = environ.get(variable_of(key))
    if not value:
        raise UsageError(
            f"the secret {key} has no value: {variable_of(key)} is not set",
            fix=f"Set it, or write {key}=@FILE or {key}=- (standard input).",
        )
    return value


def read_object(text: str) -> dict[str, Any]:
    """Read a JSON object: itself, @FILE, or - (standard input).

    Raises: UsageError.
    """
    if text == "-":
        text = sys.stdin.read()
    elif text.startswith("@"):
        text = _file(text[1:], "the arguments")
    value = _json(text, "the arguments")
    if not isinstance(value, dict):
        raise UsageError("the arguments are not a JSON object", fix='Write for example \'{"text": "hello"}\'.')
    return value


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _json(text: str, what: str) -> Any:
    try:
        value = json.loads(text, parse_constant=_no_number)
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is text that nobody can be sent
    except (ValueError, RecursionError) as exc:
        raise UsageError(f"{what}: this is not JSON: {exc}", fix='Write for example \'{"text": "hello"}\'.') from exc
    return value


def _file(name: str, what: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8 text"
        raise UsageError(f"{what} cannot be read from {name}: {reason}", fix="Name a readable text file.") from exc
