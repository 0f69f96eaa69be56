"""`deaths`: how and why children ended although they were wanted."""

from __future__ import annotations

from typing import Any

from gateway.errors import NotFound
from gateway.store.deaths import Deaths
from gateway.verbs.parts import Parts, Running

Json = dict[str, Any]


async def deaths(parts: Parts, name: str | None = None, *, limit: int = 50) -> Json:
    """The death log, newest first; also of servers that are no longer here.

    Raises: NotFound for a server that nobody has ever heard of, UsageError.
    """
    found = await Deaths(parts.db).newest(name, limit=limit)
    if name is not None and not found and name not in {spec.name for spec in await parts.wanted()}:
        raise NotFound(
            f"no server called {name[:60]!r} is here, and none of that name has died", fix="See: mcp-gateway status"
        )
    return {"deaths": found}


async def deaths_now(running: Running, name: str | None = None, *, limit: int = 50) -> Json:
    """The same, with what happened a moment ago.

    Raises: as `deaths`.
    """
    await running.deaths_noted()
    return await deaths(running.parts, name, limit=limit)
