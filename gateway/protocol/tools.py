"""The answer to `tools/list`, read tool by tool: a malformed one is skipped and counted, the others stay. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Raw

from gateway.errors import RemoteProtocolError
from gateway.model import ServerName, Tool, ToolName, ToolRef


@dataclass(frozen=True, slots=True)
class ToolPage:
    """One page: its tools, how many entries were no tools, and where the next page begins."""

    tools: tuple[Tool, ...]
    skipped: int
    next_cursor: str | None


class _Page(msgspec.Struct, rename="camel"):
    tools: list[Raw]
    next_cursor: str | None = None


class _Hints(msgspec.Struct, rename="camel"):
    title: str | None = None
    read_only_hint: bool | None = None
    idempotent_hint: bool | None = None
    destructive_hint: bool | None = None


class _Definition(msgspec.Struct, rename="camel"):
    name: str
    title: str | None = None
    description: str | None = None
    input_schema: dict[str, Any] = {}
    output_schema: dict[str, Any] | None = None
    annotations: _Hints | None = None


_decode_page = msgspec.json.Decoder(_Page).decode
_decode_definition = msgspec.json.Decoder(_Definition).decode


def read_page(server: ServerName, result: bytes) -> ToolPage:
    """Read one answer to `tools/list`.

    Raises: RemoteProtocolError when it is not a list of tools at all.
    """
    try:
        page = _decode_page(result)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as exc:
        raise RemoteProtocolError(f"{server} answered tools/list with something else: {exc}") from exc
    tools = [tool for raw in page.tools if (tool := _read_tool(server, bytes(raw))) is not None]
    return ToolPage(tuple(tools), len(page.tools) - len(tools), page.next_cursor)


def _read_tool(server: ServerName, definition: bytes) -> Tool | None:
    try:
        read = _decode_definition(definition)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None
    if not read.name:
        return None
    hints = read.annotations or _Hints()
    return Tool(
        ref=ToolRef(server, ToolName(read.name)),
        definition=definition,
        title=read.title or hints.title,
        description=read.description or "",
        input_schema=read.input_schema,
        output_schema=read.output_schema,
        read_only=bool(hints.read_only_hint),
        idempotent=bool(hints.idempotent_hint),
        destructive=hints.destructive_hint is not False,
    )
