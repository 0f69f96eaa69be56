"""Names of listings, checked before they reach a URL or a path. No I/O."""

from __future__ import annotations

import re
from urllib.parse import quote

from gateway.errors import UsageError

MAX_NAME = 200
_SMITHERY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)?")
_REGISTRY = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*/[A-Za-z0-9_][A-Za-z0-9._-]*")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]{0,254}")
_FIX = "Names look like acme/echo: ASCII letters, digits, '.', '_' and '-', at most one '/', at most 200 characters."


def smithery_name(name: str) -> str:
    """Check a qualified name of Smithery and return it without the old leading `@`.

    Raises:
        UsageError: the name could not be one, or could leave its place in a URL or a path.
    """
    bare = name.removeprefix("@")
    if not _is_safe(bare) or not _SMITHERY.fullmatch(bare):
        raise UsageError(f"{_shown(name)} is not a name of a Smithery server", fix=_FIX)
    return bare


def registry_name(name: str) -> str:
    """Check a name of the official registry (`io.github.acme/weather`) and return it.

    Raises:
        UsageError: the name could not be one, or could leave its place in a URL or a path.
    """
    if len(name) < 3 or not _is_safe(name) or not _REGISTRY.fullmatch(name):
        raise UsageError(f"{_shown(name)} is not a name of the MCP registry", fix=_FIX)
    return name


def registry_version(version: str) -> str:
    """Check an exact version of an entry in the official registry and return it.

    Raises:
        UsageError: it is a range or a tag, or could leave its place in a URL.
    """
    if not _VERSION.fullmatch(version) or version.lower() == "latest" or ".." in version:
        raise UsageError(
            f"{_shown(version)} is not an exact version",
            fix="Write it as `mcp-gateway show NAME` lists it, or leave it out for the newest.",
        )
    return version


def path_segment(name: str) -> str:
    """Encode a checked name as one segment of a URL's path: the slash becomes %2F."""
    return quote(name, safe="")


def _is_safe(name: str) -> bool:
    return 0 < len(name) <= MAX_NAME and ".." not in name


def _shown(name: str) -> str:
    short = name if len(name) <= 60 else name[:57] + "..."
    return ascii(short)  # escapes control characters and writing direction tricks
