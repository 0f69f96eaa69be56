"""Exposed tool names: safe for every LLM provider and for MassGen, stable, free of collisions. No I/O.

A name depends on the set of tools alone, never on the order in which servers start.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping

from gateway.model import ExposedName, ServerName, ToolRef

MAX_LENGTH = 50  # 64, the providers' limit, less len("mcp__gateway__"), which MassGen puts before it
RESERVED = frozenset(
    {"connect", "disconnect", "list", "help", "version", "status", "health", "ping", "debug", "admin", "system"}
    | {"config", "settings", "auth", "login", "logout", "exit", "quit"}
)
"""One tool of such a name makes MassGen drop every tool of the server (case does not matter)."""

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")
_MCP_PREFIX = re.compile(r"^mcp_+", re.IGNORECASE)
_HEX_DIGITS = (0, 6, 12, 24, 42)  # 0: the name as it is; more digits only while six of them collide


def exposed_names(
    refs: Iterable[ToolRef], prefixes: Mapping[ServerName, str], taken: Iterable[str] = ()
) -> dict[ToolRef, ExposedName]:
    """Name every tool; a server that is missing in `prefixes` has its own name as prefix.

    Names in `taken` (our own tools) are given to nobody. All parties of a collision get a digest, so that nobody's
    name depends on who came first.
    """
    plain = {ref: _plain(prefixes.get(ref.server, ref.server), ref) for ref in refs}
    levels = {ref: 0 if _may_stay(name, full) else 1 for ref, (name, full) in plain.items()}
    reserved = frozenset(taken)
    while True:
        names = {ref: _at_level(plain[ref][0], ref, level) for ref, level in levels.items()}
        clashing = _clashing(names, levels, reserved)
        if not clashing:
            return {ref: ExposedName(name) for ref, name in names.items()}
        for ref in clashing:
            levels[ref] += 1


def _plain(prefix: str, ref: ToolRef) -> tuple[str, str]:
    full = f"{prefix}__{ref.tool}" if prefix else str(ref.tool)
    return _UNSAFE.sub("_", full).strip("_-"), full


def _may_stay(name: str, full: str) -> bool:
    safe = name == full and 0 < len(name) <= MAX_LENGTH
    return safe and name.lower() not in RESERVED and not name.lower().startswith("mcp__")


def _at_level(name: str, ref: ToolRef, level: int) -> str:
    if level == 0:
        return name
    digits = _HEX_DIGITS[level]
    digest = hashlib.sha256(f"{ref.server}\0{ref.tool}".encode("utf-8", "surrogatepass")).hexdigest()[:digits]
    # A name that still began with mcp__ would be cut up by MassGen, and an empty one would begin with the underscore.
    stem = _MCP_PREFIX.sub("mcp_", name, count=1) if name.lower().startswith("mcp__") else name
    return f"{(stem or 'tool')[: MAX_LENGTH - digits - 1]}_{digest}"


def _clashing(names: Mapping[ToolRef, str], levels: Mapping[ToolRef, int], taken: frozenset[str]) -> list[ToolRef]:
    """Who must move on: of tools with one name the plain ones first, else all of them."""
    counts = Counter(names.values())
    clashing = [ref for ref, name in names.items() if counts[name] > 1 or name in taken]
    plain_names = {names[ref] for ref in clashing if levels[ref] == 0}
    return [ref for ref in clashing if levels[ref] == 0 or names[ref] not in plain_names]
