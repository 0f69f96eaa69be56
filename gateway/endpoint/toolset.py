"""The merged view of all servers' tools: immutable, versioned by its content. No I/O.

A tool definition is shown as its server spelled it; only the name is exchanged, a missing description or input schema
is filled in, and what would make clients reject the whole list is left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from gateway.endpoint.definitions import Unusable, shown_definition
from gateway.endpoint.naming import exposed_names
from gateway.model import ExposedName, ServerName, SessionScope, Tool, ToolCard, ToolName, ToolRef

FIRST_LINE_CHARS = 160


@dataclass(frozen=True, slots=True)
class ServerTools:
    """One server's part of the toolset; `prefix` None means its name."""

    prefix: str | None = None
    description: str = ""
    tools: tuple[Tool, ...] = ()
    quarantined: tuple[ToolName, ...] = ()
    session: SessionScope = SessionScope.SHARED


@dataclass(frozen=True, slots=True)
class Entry:
    """One tool under its exposed name; `definition` is what clients get."""

    name: ExposedName
    tool: Tool
    definition: bytes
    session: SessionScope = SessionScope.SHARED

    @property
    def summary(self) -> str:
        """The description's first line, cut to a line's length."""
        first = (self.tool.description or self.tool.title or "").strip().splitlines()[:1]
        return (first[0] if first else str(self.tool.ref.tool))[:FIRST_LINE_CHARS]


@dataclass(frozen=True, slots=True)
class Toolset:
    """All tools at one moment, in a stable order: servers by name, tools as their server lists them."""

    version: str = "empty"
    entries: Mapping[str, Entry] = field(default_factory=lambda: MappingProxyType({}))
    quarantined: Mapping[str, ToolRef] = field(default_factory=lambda: MappingProxyType({}))
    left_out: Mapping[ToolRef, str] = field(default_factory=lambda: MappingProxyType({}))
    servers: Mapping[ServerName, str] = field(default_factory=lambda: MappingProxyType({}))

    def input_schema(self, name: str) -> Mapping[str, Any] | None:
        """The input schema of an exposed tool."""
        entry = self.entries.get(name)
        return entry.tool.input_schema if entry else None

    def cards(self) -> list[ToolCard]:
        """Every tool as the policy sees it."""
        return [
            ToolCard(
                id=name,
                name=str(entry.tool.ref.tool),
                description=entry.tool.description,
                server=str(entry.tool.ref.server),
                server_description=self.servers.get(entry.tool.ref.server, ""),
                input_schema=dict(entry.tool.input_schema),
            )
            for name, entry in self.entries.items()
        ]


def build_toolset(servers: Mapping[ServerName, ServerTools], taken: Iterable[str] = ()) -> Toolset:
    """Merge the servers' tools; `taken` are the names of our own."""
    prefixes = {name: part.prefix for name, part in servers.items() if part.prefix is not None}
    refs = [tool.ref for tool in _tools(servers)] + list(_held(servers))
    names = exposed_names(dict.fromkeys(refs), prefixes, taken)
    entries, left_out = _entries(servers, names)
    quarantined = {str(names[ref]): ref for ref in _held(servers)}
    descriptions = {name: servers[name].description for name in sorted(servers)}
    return Toolset(
        version=_version(entries, quarantined, descriptions),
        entries=MappingProxyType(entries),
        quarantined=MappingProxyType(quarantined),
        left_out=MappingProxyType(left_out),
        servers=MappingProxyType(descriptions),
    )


def _tools(servers: Mapping[ServerName, ServerTools]) -> Iterator[Tool]:
    """Every tool once, in the stable order; a server that lists a name twice is heard the first time."""
    for server in sorted(servers):
        held = set(servers[server].quarantined)
        by_name: dict[ToolName, Tool] = {}
        for tool in servers[server].tools:
            if tool.ref.tool not in held:
                by_name.setdefault(tool.ref.tool, tool)
        yield from by_name.values()


def _held(servers: Mapping[ServerName, ServerTools]) -> Iterator[ToolRef]:
    for server in sorted(servers):
        yield from (ToolRef(server, tool) for tool in dict.fromkeys(servers[server].quarantined))


def _entries(
    servers: Mapping[ServerName, ServerTools], names: Mapping[ToolRef, ExposedName]
) -> tuple[dict[str, Entry], dict[ToolRef, str]]:
    entries: dict[str, Entry] = {}
    left_out: dict[ToolRef, str] = {}
    for tool in _tools(servers):
        try:
            definition = shown_definition(tool, names[tool.ref])
        except Unusable as exc:
            left_out[tool.ref] = str(exc)
            continue
        name = names[tool.ref]
        entries[str(name)] = Entry(name, tool, definition, servers[tool.ref.server].session)
    return entries, left_out


def _version(entries: Mapping[str, Entry], held: Mapping[str, ToolRef], descriptions: Mapping[ServerName, str]) -> str:
    digest = hashlib.sha256()
    for name, entry in entries.items():
        digest.update(b"\0".join((name.encode(), entry.tool.ref.server.encode(), entry.session.encode())))
        digest.update(b"\0" + entry.definition + b"\0")
    digest.update("\0".join(sorted(held)).encode() + b"\0")
    digest.update("\0".join(f"{server}={text}" for server, text in descriptions.items()).encode("utf-8", "replace"))
    return digest.hexdigest()[:16]
