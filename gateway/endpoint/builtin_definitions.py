"""The gateway's own tools as clients see them, and their arguments. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from gateway.model import ServerName

FIND = "gateway__find_tools"
CALL = "gateway__call_tool"
RATE = "gateway__rate_tool"
INSTALL = "gateway__install_server"
NAMES = (FIND, CALL, RATE, INSTALL)

FIND_LIMIT = 8
FIND_LIMIT_MAX = 50
_CATALOGUE_CHARS = 2000
_SERVER_CHARS = 100


class FindArguments(msgspec.Struct, frozen=True):
    """Arguments of find_tools."""

    query: str
    limit: Annotated[int, msgspec.Meta(ge=1, le=FIND_LIMIT_MAX)] = FIND_LIMIT


class CallArguments(msgspec.Struct, frozen=True):
    """Arguments of call_tool; some models send the inner arguments as a text that holds JSON."""

    name: str
    arguments: msgspec.Raw = msgspec.Raw(b"{}")


class RateArguments(msgspec.Struct, frozen=True):
    """Arguments of rate_tool."""

    score: Annotated[float, msgspec.Meta(ge=0, le=1)]
    call_id: str = ""
    name: str = ""
    comment: Annotated[str, msgspec.Meta(max_length=1000)] = ""


class InstallArguments(msgspec.Struct, frozen=True):
    """Arguments of install_server."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]


def definitions(servers: Mapping[ServerName, str], *, installs: bool) -> dict[str, bytes]:
    """The definitions of our tools; `servers` maps each server that can be reached to what it is for."""
    texts: dict[str, dict[str, Any]] = {FIND: _find(servers), CALL: _call(), RATE: _rate()}
    if installs:
        texts[INSTALL] = _install()
    return {name: msgspec.json.encode({"name": name, **text}) for name, text in texts.items()}


def _schema(required: list[str], **properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _find(servers: Mapping[ServerName, str]) -> dict[str, Any]:
    return {
        "title": "Find tools",
        "description": (
            "Finds tools by what they do, also such that are not on your list, and tells their arguments. "
            f"{_catalogue(servers)}"
        ),
        "inputSchema": _schema(
            ["query"],
            query={"type": "string", "description": "What you want to do, in a few words."},
            limit={"type": "integer", "minimum": 1, "maximum": FIND_LIMIT_MAX, "default": FIND_LIMIT},
        ),
        "annotations": {"readOnlyHint": True, "openWorldHint": False},
    }


def _catalogue(servers: Mapping[ServerName, str]) -> str:
    if not servers:
        return "No server offers tools at the moment."
    parts: list[str] = []
    left = _CATALOGUE_CHARS
    for server, description in sorted(servers.items()):
        said = " ".join(description.split())[:_SERVER_CHARS]
        part = f"{server} ({said})" if said else str(server)
        left -= len(part) + 2
        if left < 0:
            parts.append(f"and {len(servers) - len(parts)} more")
            break
        parts.append(part)
    return f"Servers here: {', '.join(parts)}."


def _call() -> dict[str, Any]:
    return {
        "title": "Call a tool by name",
        "description": f"Calls a tool that {FIND} named and that is not on your list.",
        "inputSchema": _schema(
            ["name"],
            name={"type": "string", "description": "The tool's name exactly as it was told."},
            arguments={"type": "object", "description": "The tool's own arguments.", "additionalProperties": True},
        ),
    }


def _rate() -> dict[str, Any]:
    return {
        "title": "Rate a tool call",
        "description": (
            "Says how useful a call was for your task, so that better tools are offered next time. "
            "Give the tool's name (its latest call counts) or the call's id."
        ),
        "inputSchema": _schema(
            ["score"],
            score={"type": "number", "minimum": 0, "maximum": 1, "description": "0 useless, 1 very useful."},
            name={"type": "string", "description": "The tool's name."},
            call_id={"type": "string", "description": "The call's id, if you know it."},
            comment={"type": "string", "maxLength": 1000},
        ),
        "annotations": {"readOnlyHint": False, "destructiveHint": False, "openWorldHint": False},
    }


def _install() -> dict[str, Any]:
    return {
        "title": "Install a server",
        "description": "Installs an MCP server by its registry name, so that its tools can be used. A rule may refuse.",
        "inputSchema": _schema(
            ["name"], name={"type": "string", "minLength": 1, "description": "For example acme/echo."}
        ),
        "annotations": {"readOnlyHint": False, "destructiveHint": False, "openWorldHint": True},
    }
