"""`status`, `start`, `stop`, `restart`, `logs`: the supervised children."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any

from gateway.errors import NotFound, StoreError
from gateway.model import ServerName
from gateway.verbs.parts import Parts, Running

Json = dict[str, Any]


async def status(running: Running) -> Json:
    """Everything that runs, with the reasons."""
    rows, notes_of = [], await _notes(running.parts)
    for row in running.supervisor.status():
        shown, quarantined = running.tool_counts(ServerName(row["name"]))
        notes = running.definition_notes(ServerName(row["name"]))
        note = notes_of.get(row["name"], "")
        reason = "; ".join(part for part in (row["reason"], note) if part)
        rows.append({**row, "reason": reason, "tools": shown, "quarantined_tools": quarantined, **notes, "note": note})
    learned, not_ready = running.policy.status(), running.not_ready()
    return {
        "version": running.version,
        "pid": os.getpid(),
        "url": running.parts.url,
        "uptime_s": round(running.parts.clock.now() - running.started_at, 3),
        "ready": not not_ready,
        "not_ready": not_ready,
        "policy": {"mode": learned["mode"], "version": learned["version"]},
        "servers": rows,
        "discover": running.parts.vacancies(),
        "pending": running.parts.pending(),
    }


async def _notes(parts: Parts) -> dict[str, str]:
    """What a person should know about installed servers; status is told also while the store cannot be read."""
    try:
        return {server.spec.name: server.note for server in await parts.installed.all() if server.note}
    except StoreError:
        return {}


async def start(running: Running, name: str) -> Json:
    """Start a stopped or failed server."""
    await running.supervisor.start(ServerName(name))
    return _state_of(running, name)


async def stop(running: Running, name: str) -> Json:
    """Stop a server until it is started again."""
    await running.supervisor.stop(ServerName(name))
    return _state_of(running, name)


async def restart(running: Running, name: str) -> Json:
    """Stop a server and start it."""
    await running.supervisor.restart(ServerName(name))
    return _state_of(running, name)


async def logs(running: Running, name: str, *, lines: int = 200) -> Json:
    """The newest lines that a child wrote to stderr."""
    _state_of(running, name)
    return {"server": name, "lines": running.supervisor.logs(ServerName(name), lines)}


async def follow_logs(running: Running, name: str) -> AsyncIterator[str]:
    """New lines as they come."""
    _state_of(running, name)
    async for line in running.supervisor.follow_logs(ServerName(name)):
        yield line


def _state_of(running: Running, name: str) -> Json:
    for row in running.supervisor.status():
        if row["name"] == name:
            return {"server": name, "state": row["state"], "health": row["health"], "reason": row["reason"]}
    raise NotFound(f"no server called {name[:60]!r}", fix="See `mcp-gateway status`.")
