"""MCPB manifests 0.1 to 0.4, read as values; everything in them is a claim of the publisher. No I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.errors import InstallError

STEP = "manifest"
MAX_MANIFEST_BYTES = 1024 * 1024
KNOWN_VERSIONS = {"0.1", "0.2", "0.3", "0.4"}
KINDS = ("node", "python", "uv", "binary")
MAX_BOUND = 1e300  # a bound beyond it, or none that is a number, bounds nothing
OPTION_TYPES = ("string", "number", "boolean", "directory", "file")


@dataclass(frozen=True, slots=True)
class Option:
    """One entry of `user_config`."""

    key: str
    type: str = "string"
    title: str = ""
    description: str = ""
    required: bool = False
    sensitive: bool = False
    multiple: bool = False
    default: Any = None
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle says about itself and how it wants to be run on one platform."""

    name: str
    version: str
    kind: str
    entry_point: str
    command: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    options: Mapping[str, Option] = field(default_factory=dict)
    tools: tuple[str, ...] = ()  # the names it claims; `tools_generated`: there may be more
    tools_generated: bool = False
    prompts: tuple[str, ...] = ()
    prompts_generated: bool = False
    platforms: tuple[str, ...] = ()
    runtimes: Mapping[str, str] = field(default_factory=dict)


def parse_manifest(data: bytes, platform: str) -> Manifest:
    """Read manifest.json for `platform` (`linux`, `darwin`, `win32`), its overrides applied.

    Raises: InstallError (step "manifest").
    """
    try:
        return _manifest(_document(data), platform)
    except RecursionError as exc:
        raise _bad("it is nested too deeply") from exc


def _manifest(document: Mapping[str, Any], platform: str) -> Manifest:
    version = document.get("manifest_version", document.get("dxt_version"))
    if not isinstance(version, str) or version not in KNOWN_VERSIONS:
        raise _bad(f"manifest_version {version!r} is not one of {', '.join(sorted(KNOWN_VERSIONS))}")
    server = _mapping(document, "server")
    kind = server.get("type")
    if kind not in KINDS:
        raise _bad(f"server.type {kind!r} is not one of {', '.join(KINDS)}")
    entry_point = _text(server.get("entry_point", ""), "server.entry_point")
    config = _for_platform(_mapping(server, "mcp_config"), platform)
    args = config.get("args", [])
    if not isinstance(args, list):
        raise _bad("server.mcp_config.args is not a list of texts")
    compatibility = _mapping(document, "compatibility")
    platforms = compatibility.get("platforms", [])
    return Manifest(
        name=_line(document.get("name"), "name"),
        version=_line(document.get("version"), "version"),
        kind=kind,
        entry_point=entry_point,
        command=_text(config.get("command", ""), "server.mcp_config.command"),
        args=tuple(_text(arg, "one of server.mcp_config.args") for arg in args),
        env=_texts(config, "env"),
        description=_text(document.get("description", ""), "description")[:500],
        options=_options(_mapping(document, "user_config")),
        tools=_names(document, "tools"),
        tools_generated=document.get("tools_generated") is True,
        prompts=_names(document, "prompts"),
        prompts_generated=document.get("prompts_generated") is True,
        platforms=tuple(item for item in platforms if isinstance(item, str)) if isinstance(platforms, list) else (),
        runtimes={key: value for key, value in _mapping(compatibility, "runtimes").items() if isinstance(value, str)},
    )


def _document(data: bytes) -> dict[str, Any]:
    if len(data) > MAX_MANIFEST_BYTES:
        raise _bad(f"it is larger than {MAX_MANIFEST_BYTES} bytes")
    try:
        document = json.loads(data.decode("utf-8-sig"))
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError as exc:  # half a character, which no file, database or command line takes
        raise _bad("one of its texts is not valid Unicode") from exc
    except ValueError as exc:
        raise _bad("it is not JSON") from exc
    if not isinstance(document, dict):
        raise _bad("it is not a JSON object")
    return document


def _bad(why: str) -> InstallError:
    return InstallError(
        f"the bundle's manifest.json cannot be used: {why}", step=STEP, fix="Tell the bundle's publisher."
    )


def _mapping(parent: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = parent.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _bad(f"{key} is not an object")
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise _bad(f"{where} is missing or not a text")
    return value


def _line(value: object, where: str) -> str:
    text = _text(value, where)
    if _CONTROL.search(text):
        raise _bad(f"{where} holds control characters")
    return text


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def _texts(parent: Mapping[str, Any], key: str) -> dict[str, str]:
    found = _mapping(parent, key).items()
    return {_text(name, f"a name in {key}"): _text(value, f"{key}.{name}") for name, value in found}


def _for_platform(config: dict[str, Any], platform: str) -> dict[str, Any]:
    """Apply `platform_overrides`: each field given there replaces the general one whole, `env` included."""
    override = _mapping(_mapping(config, "platform_overrides"), platform)
    return {**config, **{field: override[field] for field in ("command", "args", "env") if override.get(field)}}


def _names(document: Mapping[str, Any], key: str) -> tuple[str, ...]:
    found = document.get(key) or []
    if not isinstance(found, list):
        raise _bad(f"{key} is not a list")
    named = [item.get("name") if isinstance(item, dict) else None for item in found]
    return tuple(_text(name, f"the name of one of the {key}") for name in named)


_OPTION_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}", re.ASCII)


def _options(found: Mapping[str, Any]) -> dict[str, Option]:
    return {key: _option(key, entry) for key, entry in found.items()}


def _option(key: str, entry: object) -> Option:
    where = f"user_config.{key}"
    if not isinstance(entry, dict) or _OPTION_KEY.fullmatch(key) is None:
        raise _bad(f"{where[:100]!a} is malformed")
    kind = entry.get("type", "string")
    if kind not in OPTION_TYPES:
        raise _bad(f"{where}.type {kind!r} is not one of {', '.join(OPTION_TYPES)}")
    return Option(
        key=key,
        type=kind,
        title=str(entry.get("title") or ""),
        description=str(entry.get("description") or "")[:500],
        required=entry.get("required") is True,
        sensitive=entry.get("sensitive") is True,
        multiple=entry.get("multiple") is True,
        default=entry.get("default"),
        minimum=_number(entry.get("min")),
        maximum=_number(entry.get("max")),
    )


def _number(value: object) -> float | None:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not abs(value) < MAX_BOUND:
        return None
    return float(value)
