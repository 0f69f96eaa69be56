"""The servers that were installed here, each with its complete spec, so that starting them again needs no network."""

from __future__ import annotations

from typing import Any

import msgspec
import structlog

from gateway.errors import StoreError
from gateway.model import ServerName, ServerSpec
from gateway.store import schema
from gateway.store.database import Database


class InstalledServer(msgspec.Struct, frozen=True):
    """One installed server.

    `installed_at`: seconds since the epoch. `settings`: the non-secret configuration it was installed with.
    `secret_keys`: names only. `from_ref`: the reference as it was asked for. `files`: name of its content directory.
    """

    spec: ServerSpec
    sha256: str | None
    installed_at: float
    version: str | None
    pinned: bool = True
    settings: dict[str, Any] = {}
    secret_keys: tuple[str, ...] = ()
    from_ref: str = ""
    files: str | None = None


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(InstalledServer)
_PUT = schema.insert_sql(
    schema.INSTALLED,
    conflict="(name) DO UPDATE SET origin = excluded.origin, installed_at = excluded.installed_at,"
    " body = excluded.body",
)


class Installed:
    """Rows of `installed`, by server name."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._log = structlog.get_logger("store")

    async def put(self, server: InstalledServer) -> None:
        """Remember (or replace) a server."""
        spec = server.spec
        await self._db.execute(_PUT, (spec.name, str(spec.origin), server.installed_at, _ENCODER.encode(server)))

    async def get(self, name: ServerName) -> InstalledServer | None:
        """Return the server of that name.

        Raises: StoreError when its row cannot be read.
        """
        rows = await self._db.fetch("SELECT body FROM installed WHERE name = ?", (name,))
        if not rows:
            return None
        try:
            return _DECODER.decode(rows[0][0])
        except msgspec.DecodeError as exc:
            raise StoreError(
                f"what the store remembers about {name} cannot be read: {exc}",
                fix=f"Remove and install it again: mcp-gateway remove {name}",
            ) from exc

    async def remove(self, name: ServerName) -> bool:
        """Forget a server; False when it was not there."""
        return await self._db.execute("DELETE FROM installed WHERE name = ?", (name,)) > 0

    async def all(self) -> list[InstalledServer]:
        """Return every readable server by name; an unreadable row costs that server only and is logged."""
        servers: list[InstalledServer] = []
        for name, body in await self._db.fetch("SELECT name, body FROM installed ORDER BY name"):
            try:
                servers.append(_DECODER.decode(body))
            except msgspec.DecodeError as exc:
                self._log.warning("installed_row_unreadable", server=name, error=str(exc))
        return servers
