"""Walks a server's `tools/list` page by page, with bounds against servers that never come to an end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from gateway.model import ServerName, Tool
from gateway.protocol.tools import read_page
from gateway.supervisor.ports import Connection

PAGE_TIMEOUT_S: Final = 30.0
MAX_PAGES: Final = 200
MAX_TOOLS: Final = 5000
"""No client could use more; a server that offers more is broken or hostile."""


@dataclass(frozen=True, slots=True)
class Listed:
    """All tools, and how many entries of the list were no tools (malformed, or named twice)."""

    tools: tuple[Tool, ...]
    skipped: int


async def list_tools(server: ServerName, connection: Connection) -> Listed:
    """Return what the server offers.

    Raises: ChildGone, CallTimeout, RpcError, RemoteProtocolError.
    """
    tools: dict[str, Tool] = {}
    skipped = 0
    cursors: set[str] = set()
    params = b"{}"
    for _ in range(MAX_PAGES):
        page = read_page(server, await connection.ask("tools/list", params, timeout_s=PAGE_TIMEOUT_S))
        skipped += page.skipped
        for tool in page.tools:
            skipped += tool.ref.tool in tools
            tools.setdefault(tool.ref.tool, tool)
        cursor = page.next_cursor
        if not cursor or cursor in cursors or len(tools) >= MAX_TOOLS:
            break
        cursors.add(cursor)
        params = msgspec.json.encode({"cursor": cursor})
    return Listed(tuple(tools.values())[:MAX_TOOLS], skipped)
