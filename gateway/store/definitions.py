"""Approved tool definitions, changed ones that wait for approval, and each server's last accepted tool list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import structlog

from gateway.model import ServerName, Tool
from gateway.store import schema
from gateway.store.database import Database

Pinned = tuple[str, str]
"""(hash, canonical JSON) of one definition."""

_PIN = schema.insert_sql(
    schema.DEFINITIONS,
    columns=("server", "tool", "hash", "canonical"),
    conflict="(server, tool) DO UPDATE SET hash = excluded.hash, canonical = excluded.canonical,"
    " pending_hash = NULL, pending_canonical = NULL",
)
_HOLD = schema.insert_sql(
    schema.DEFINITIONS,
    columns=("server", "tool", "pending_hash", "pending_canonical"),
    conflict="(server, tool) DO UPDATE SET pending_hash = excluded.pending_hash,"
    " pending_canonical = excluded.pending_canonical",
)
_CLEAR = (
    "UPDATE definitions SET pending_hash = NULL, pending_canonical = NULL WHERE server = ? AND pending_hash IS NOT NULL"
)
_PINS = "SELECT tool, hash FROM definitions WHERE server = ? AND hash IS NOT NULL"
_APPROVE = (
    "UPDATE definitions SET hash = pending_hash, canonical = pending_canonical, pending_hash = NULL,"
    " pending_canonical = NULL WHERE server = ? AND pending_hash IS NOT NULL"
)
_REMEMBER = schema.insert_sql(schema.KNOWN_TOOLS, conflict="(server) DO UPDATE SET body = excluded.body")
# MessagePack: a definition's bytes stay bytes.
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(tuple[Tool, ...])


class Definitions:
    """Rows of `definitions` and `known_tools`."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._log = structlog.get_logger("store")

    async def pins(self, server: ServerName) -> dict[str, str]:
        """Return the approved hash of each tool of a server."""
        return dict(await self._db.fetch(_PINS, (server,)))

    async def pin(self, server: ServerName, tools: Mapping[str, Pinned]) -> None:
        """Approve these definitions (tools seen for the first time)."""
        await self._db.execute_many(_PIN, [(server, tool, *pinned) for tool, pinned in tools.items()])

    async def hold(self, server: ServerName, tools: Mapping[str, Pinned]) -> None:
        """Make these changed definitions the server's waiting ones; those that waited before and are not named any more
        (the server took its change back) stop waiting."""
        waiting = [(server, tool, *pinned) for tool, pinned in tools.items()]
        await self._db.transaction([(_CLEAR, [(server,)]), (_HOLD, waiting)])

    async def pending(self, server: ServerName) -> dict[str, tuple[str, str]]:
        """Return (approved, waiting) canonical JSON of each tool whose definition waits for approval."""
        rows = await self._db.fetch(
            "SELECT tool, COALESCE(canonical, ''), pending_canonical FROM definitions"
            " WHERE server = ? AND pending_hash IS NOT NULL ORDER BY tool",
            (server,),
        )
        return {tool: (old, new) for tool, old, new in rows}

    async def approve(self, server: ServerName) -> int:
        """Make the waiting definitions the approved ones; returns how many there were."""
        return await self._db.execute(_APPROVE, (server,))

    async def reject(self, server: ServerName) -> int:
        """Forget the waiting definitions, keep the approved ones; returns how many there were."""
        return await self._db.execute(_CLEAR, (server,))

    async def forget(self, server: ServerName) -> None:
        """Forget everything about a server's tools."""
        await self._db.transaction(
            [
                ("DELETE FROM definitions WHERE server = ?", [(server,)]),
                ("DELETE FROM known_tools WHERE server = ?", [(server,)]),
            ]
        )

    async def remember_tools(self, server: ServerName, tools: Sequence[Tool]) -> None:
        """Keep the last accepted list, so that it can be shown before the server is up."""
        await self._db.execute(_REMEMBER, (server, _ENCODER.encode(tuple(tools))))

    async def known_tools(self) -> dict[ServerName, tuple[Tool, ...]]:
        """Return every server's last accepted list; an unreadable one is left out and logged."""
        known: dict[ServerName, tuple[Tool, ...]] = {}
        rows: list[tuple[Any, ...]] = await self._db.fetch("SELECT server, body FROM known_tools ORDER BY server")
        for server, body in rows:
            try:
                known[ServerName(server)] = _DECODER.decode(body)
            except msgspec.DecodeError as exc:
                self._log.warning("known_tools_unreadable", server=server, error=str(exc))
        return known
