"""Approved definitions, changed ones that wait for a decision or were rejected, and each server's last accepted tools.

What a server says of itself (its title and instructions) is pinned beside its tools, under the name `ITSELF`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog

from gateway.clock import Clock, SystemClock, rfc3339
from gateway.model import ServerName, Tool
from gateway.store import schema
from gateway.store.database import Database
from gateway.store.writer import Step

Pinned = tuple[str, str]
"""(hash, canonical JSON) of one definition."""

ITSELF = ""
"""In place of a tool's name: what the server says of itself. No tool can be called so."""

_PIN = schema.insert_sql(
    schema.DEFINITIONS,
    columns=("server", "tool", "hash", "canonical", "approved_at"),
    conflict="(server, tool) DO UPDATE SET hash = excluded.hash, canonical = excluded.canonical,"
    " approved_at = excluded.approved_at, pending_hash = NULL, pending_canonical = NULL, rejected_hash = NULL",
)
_EXPECT = schema.insert_sql(
    schema.DEFINITIONS, columns=("server", "tool", "hash", "approved_at"), conflict="(server, tool) DO NOTHING"
)
_HOLD = schema.insert_sql(
    schema.DEFINITIONS,
    columns=("server", "tool", "pending_hash", "pending_canonical"),
    # A change after a rejected one is a new question.
    conflict="(server, tool) DO UPDATE SET pending_hash = excluded.pending_hash,"
    " pending_canonical = excluded.pending_canonical,"
    " rejected_hash = CASE WHEN rejected_hash = excluded.pending_hash THEN rejected_hash END",
)
# What was rejected is remembered: a server that takes its change back and tries it again is not asked about again.
_CLEAR = "UPDATE definitions SET pending_hash = NULL, pending_canonical = NULL WHERE server = ? AND tool = ?"
_PINS = "SELECT tool, hash FROM definitions WHERE server = ? AND hash IS NOT NULL"
_HELD = "SELECT tool FROM definitions WHERE server = ? AND pending_hash IS NOT NULL ORDER BY tool"
_CHANGES = (
    "SELECT tool, COALESCE(canonical, ''), pending_canonical, COALESCE(rejected_hash = pending_hash, 0)"
    " FROM definitions WHERE server = ? AND pending_hash IS NOT NULL ORDER BY tool"
)
_APPROVE = (
    "UPDATE definitions SET hash = pending_hash, canonical = pending_canonical, approved_at = ?, pending_hash = NULL,"
    " pending_canonical = NULL, rejected_hash = NULL WHERE server = ? AND tool = ? AND pending_hash IS NOT NULL"
)
_REJECT = "UPDATE definitions SET rejected_hash = pending_hash WHERE server = ? AND tool = ? AND pending_hash NOT NULL"
_APPROVED = (
    "SELECT tool, hash, COALESCE(canonical, ''), approved_at FROM definitions"
    " WHERE server = ? AND tool = COALESCE(?, tool) AND hash IS NOT NULL ORDER BY tool"
)
_REMEMBER = schema.insert_sql(schema.KNOWN_TOOLS, conflict="(server) DO UPDATE SET body = excluded.body")
# MessagePack: a definition's bytes stay bytes.
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(tuple[Tool, ...])


@dataclass(frozen=True, slots=True)
class Change:
    """A definition that differs from the approved one. `before` and `after` are canonical JSON, "" for none."""

    tool: str  # or ITSELF
    before: str
    after: str
    is_rejected: bool


@dataclass(frozen=True, slots=True)
class Approved:
    """One pin; `at` is RFC 3339, None for pins from before it was noted."""

    tool: str  # or ITSELF
    hash: str
    canonical: str
    at: str | None


def forget_steps(server: ServerName) -> list[Step]:
    """The part of a transaction that forgets everything about a server's tools."""
    return [
        ("DELETE FROM definitions WHERE server = ?", [(server,)]),
        ("DELETE FROM known_tools WHERE server = ?", [(server,)]),
    ]


def pin_steps(server: ServerName, tools: Mapping[str, Pinned], at: str) -> list[Step]:
    """The part of a transaction that approves these definitions; `at` is RFC 3339."""
    return [(_PIN, [(server, tool, *pinned, at) for tool, pinned in tools.items()])]


class Definitions:
    """Rows of `definitions` and `known_tools`."""

    def __init__(self, db: Database, clock: Clock | None = None) -> None:
        self._db = db
        self._clock = clock or SystemClock()
        self._log = structlog.get_logger("store")

    async def pins(self, server: ServerName) -> dict[str, str]:
        """Return the approved hash of each tool of a server."""
        pins = await self.all_pins(server)
        pins.pop(ITSELF, None)
        return pins

    async def all_pins(self, server: ServerName) -> dict[str, str]:
        """Return the approved hash of each tool, and of what the server says of `ITSELF`."""
        return dict(await self._db.fetch(_PINS, (server,)))

    async def approved(self, server: ServerName, tool: str | None = None) -> list[Approved]:
        """Return every pin of a server, `ITSELF` included, or that of one `tool`."""
        return [Approved(*row) for row in await self._db.fetch(_APPROVED, (server, tool))]

    async def pin(self, server: ServerName, tools: Mapping[str, Pinned]) -> None:
        """Approve these definitions (tools seen for the first time)."""
        at = rfc3339(self._clock.wall())
        await self._db.execute_many(_PIN, [(server, tool, *pinned, at) for tool, pinned in tools.items()])

    async def expect(self, server: ServerName, pins: Mapping[str, str]) -> None:
        """Approve definitions by their hash before they are seen; what is pinned already stays as it is."""
        at = rfc3339(self._clock.wall())
        await self._db.execute_many(_EXPECT, [(server, tool, digest, at) for tool, digest in pins.items()])

    async def hold(self, server: ServerName, tools: Mapping[str, Pinned]) -> None:
        """Make these changed definitions the server's waiting ones; those that waited before and are not named any more
        (the server took its change back) stop waiting. One that was rejected as it stands stays rejected."""
        waiting = [(server, tool, *pinned) for tool, pinned in tools.items()]
        held = [tool for (tool,) in await self._db.fetch(_HELD, (server,))]
        gone = [(server, tool) for tool in held if tool not in tools]
        if gone or waiting:
            await self._db.transaction([(_CLEAR, gone), (_HOLD, waiting)])

    async def changes(self, server: ServerName) -> list[Change]:
        """Return every definition that differs from the approved one, by name; `ITSELF` first."""
        return [
            Change(tool, before, after, bool(rejected))
            for tool, before, after, rejected in await self._db.fetch(_CHANGES, (server,))
        ]

    async def pending(self, server: ServerName) -> dict[str, tuple[str, str]]:
        """Return (approved, waiting) canonical JSON of each definition that waits for a decision."""
        return {c.tool: (c.before, c.after) for c in await self.changes(server) if not c.is_rejected}

    async def approve(self, server: ServerName, tools: Collection[str] | None = None) -> int:
        """Make changed definitions the approved ones: those named, rejected or not; None means all that wait.

        Returns how many there were.
        """
        at, chosen = rfc3339(self._clock.wall()), await self._chosen(server, tools)
        return await self._db.execute_many(_APPROVE, [(at, server, tool) for tool in chosen])

    async def reject(self, server: ServerName, tools: Collection[str] | None = None) -> int:
        """Answer waiting definitions with no, once and for all: those named, or (None) all; keeps the approved ones.

        Returns how many there were.
        """
        return await self._db.execute_many(_REJECT, [(server, tool) for tool in await self._chosen(server, tools)])

    async def _chosen(self, server: ServerName, tools: Collection[str] | None) -> list[str]:
        changes = await self.changes(server)
        return [c.tool for c in changes if (not c.is_rejected if tools is None else c.tool in tools)]

    async def forget(self, server: ServerName) -> None:
        """Forget everything about a server's tools."""
        await self._db.transaction(forget_steps(server))

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
