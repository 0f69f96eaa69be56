"""A plain `{"mcpServers": {…}}` text, as every MCP client has it, as `[[server]]` sections. No I/O."""

from __future__ import annotations

import json
import re
from typing import Any

from gateway.config import checks
from gateway.config.server import ServerSection
from gateway.config.unfit import DEEP, unfit_values
from gateway.errors import ConfigError, Problem
from gateway.model import RESERVED_SERVER_NAME

NAME_LENGTH = 24
EXPECTED = 'expected {"mcpServers": {"NAME": {"command": …} or {"url": …}}}'
REMOTE_TYPES = {"http", "streamable-http", "streamablehttp", "streamable_http"}
LOCAL_TYPES = {"stdio", "local"}
_INVALID = re.compile(r"[^a-z0-9]+")
# Clients spell the address in several ways.
URL_KEYS = ("url", "httpUrl", "serverUrl")


def read_mcp_servers(text: str, *, file: str = "servers.json") -> tuple[ServerSection, ...]:
    """Read the servers of a client's file. Names are made valid and unique; disabled entries are left out; keys that
    only other clients understand are ignored.

    Raises: ConfigError with all problems.
    """
    entries = _entries(text, file)
    problems: list[Problem] = []
    taken = {RESERVED_SERVER_NAME}
    servers: list[ServerSection] = []
    for name, entry in entries.items():
        path = f"mcpServers.{name}"
        if not isinstance(entry, dict):
            problems.append(Problem(path, 'must be an object with "command" or "url"'))
        elif entry.get("disabled") is not True:
            found = _problems(entry, path)
            problems += found
            if not found:
                servers.append(_section(valid_name(name, taken), entry))
    if problems:
        raise ConfigError(problems, file=file)
    return tuple(servers)


def valid_name(name: str, taken: set[str]) -> str:
    """Turn any name into one of ours that is not in `taken`, and add it there."""
    base = _INVALID.sub("-", name.lower())[:NAME_LENGTH].strip("-") or "server"
    candidate, number = base, 2
    while candidate in taken:
        suffix = f"-{number}"
        candidate = base[: NAME_LENGTH - len(suffix)].rstrip("-") + suffix
        number += 1
    taken.add(candidate)
    return candidate


def _entries(text: str, file: str) -> dict[str, Any]:
    try:
        value = json.loads(text.removeprefix("\ufeff"))
    except RecursionError:
        raise ConfigError([Problem("JSON", DEEP)], file=file) from None
    except ValueError as exc:  # also of a number that Python does not read
        raise ConfigError([Problem("JSON", str(exc))], file=file) from None
    if unfit := unfit_values(value):
        raise ConfigError(unfit, file=file)
    entries = value.get("mcpServers") if isinstance(value, dict) else None
    if not isinstance(entries, dict):
        raise ConfigError(
            [Problem("mcpServers", 'expected {"mcpServers": {"NAME": {"command": …} or {"url": …}}}')], file=file
        )
    return entries


def _url(entry: dict[str, Any]) -> Any:
    return next((entry[key] for key in URL_KEYS if entry.get(key)), "")


def _problems(entry: dict[str, Any], path: str) -> list[Problem]:
    command, url, kind = entry.get("command") or "", _url(entry), entry.get("type", "")
    if bool(command) == bool(url):
        return [Problem(path, 'give either "command" or "url"')]
    found = [*_kind_problems(kind, remote=bool(url), path=path), *_value_problems(entry, path)]
    message = checks.http_url(url) if isinstance(url, str) else "must be a string"
    if url and message:
        found.append(Problem(f"{path}.url", message))
    if command and not isinstance(command, str):
        found.append(Problem(f"{path}.command", "must be a string; arguments belong into args"))
    return found


def _kind_problems(kind: Any, *, remote: bool, path: str) -> list[Problem]:
    known = REMOTE_TYPES if remote else LOCAL_TYPES
    if kind == "" or (isinstance(kind, str) and kind.lower() in known):
        return []
    if kind == "sse":
        return [
            Problem(
                f"{path}.type", "the old SSE transport is not spoken here; use the server's streamable HTTP address"
            )
        ]
    return [Problem(f"{path}.type", f"must be one of {', '.join(sorted(known))}")]


def _value_problems(entry: dict[str, Any], path: str) -> list[Problem]:
    found: list[Problem] = []
    args = entry.get("args") or []
    if not isinstance(args, list) or not all(isinstance(item, str | int | float) for item in args):
        found.append(Problem(f"{path}.args", "must be an array of strings"))
    if not isinstance(entry.get("cwd") or "", str):
        found.append(Problem(f"{path}.cwd", "must be a string"))
    for key, check in (("env", checks.environment), ("headers", checks.headers)):
        values = entry.get(key) or {}
        if not isinstance(values, dict) or not all(isinstance(value, str | int | float) for value in values.values()):
            found.append(Problem(f"{path}.{key}", "must be an object of strings"))
        elif message := check(_texts(values)):
            found.append(Problem(f"{path}.{key}", message))
    return found


def _section(name: str, entry: dict[str, Any]) -> ServerSection:
    if url := _url(entry):
        return ServerSection(name=name, url=url, headers=_texts(entry.get("headers") or {}))
    return ServerSection(
        name=name,
        command=(entry["command"],),
        args=tuple(_text(item) for item in entry.get("args") or ()),
        env=_texts(entry.get("env") or {}),
        cwd=entry.get("cwd") or "",
    )


def _texts(values: dict[str, Any]) -> dict[str, str]:
    return {key: _text(value) for key, value in values.items()}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
