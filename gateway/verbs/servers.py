"""`status`, `start`, `stop`, `restart`, `logs`: the supervised children."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any

from gateway.errors import NotFound
from gateway.model import ServerName
from gateway.verbs.parts import Running

Json = dict[str, Any]


async def status(running: Running) -> Json:
    """Everything that runs, with the reasons."""
    rows = []
    for row in running.supervisor.status():
        shown, quarantined = running.tool_counts(ServerName(row["name"]))
        rows.append({**row, "tools": shown, "quarantined_tools": quarantined})
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
    }


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
