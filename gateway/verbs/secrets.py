"""`secret set|list|rm`: values go in and never come out."""

from __future__ import annotations

from typing import Any

from gateway.model import ServerName
from gateway.verbs.parts import Parts

Json = dict[str, Any]


async def secret_set(parts: Parts, server: str, key: str, value: str) -> Json:
    """Keep a secret of a server; a server that is down is tried again, a running one gets it at its next start."""
    parts.secrets.set(server, key, value)
    await parts.retry(ServerName(server))
    return {"server": server, "key": key, "set": True}


async def secret_list(parts: Parts, server: str | None = None) -> Json:
    """Name the secrets that are kept, and where: file, keyring or (systemd) credential."""
    rows = [
        {"server": owner, "key": key, "kept": place}
        for owner, places in sorted(parts.secrets.places(server).items())
        for key, place in sorted(places.items())
    ]
    return {"secrets": rows}


async def secret_remove(parts: Parts, server: str, key: str) -> Json:
    """Forget a secret. Raises: NotFound."""
    parts.secrets.remove(server, key)
    return {"server": server, "key": key, "removed": True}
