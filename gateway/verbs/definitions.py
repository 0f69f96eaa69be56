"""`approve` and `reject`: what to do with a server's changed tool definitions."""

from __future__ import annotations

import json
from typing import Any

from gateway.errors import NotFound
from gateway.model import ServerName
from gateway.verbs.parts import Parts

Json = dict[str, Any]


async def approve(parts: Parts, name: str, *, dry_run: bool = False) -> Json:
    """Accept the changed definitions of a server and show its tools again; `dry_run` only tells the changes."""
    changes = await _pending(parts, name)
    if dry_run:
        return {"server": name, "approved": 0, "changes": changes}
    approved = await parts.definitions.approve(ServerName(name))
    await parts.refresh(ServerName(name))
    return {"server": name, "approved": approved, "changes": changes}


async def reject(parts: Parts, name: str) -> Json:
    """Drop the changed definitions; the tools stay away until the server lists the old ones again."""
    await _pending(parts, name)
    return {"server": name, "rejected": await parts.definitions.reject(ServerName(name))}


async def _pending(parts: Parts, name: str) -> list[Json]:
    pending = await parts.definitions.pending(ServerName(name))
    if not pending:
        raise NotFound(
            f"no changed tool definitions of {name!r} wait for approval",
            fix="See `mcp-gateway status`: quarantined_tools says which servers have some.",
        )
    return [
        {"tool": tool, "before": json.loads(before) if before else None, "after": json.loads(after)}
        for tool, (before, after) in sorted(pending.items())
    ]
