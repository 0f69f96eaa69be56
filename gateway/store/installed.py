"""The servers that were installed here, each with its complete spec, so that starting them again needs no network.

A row is the truth about its server: it changes in one transaction together with the pins of the server's tools, and
what lies elsewhere (links, secrets) follows it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
import structlog

from gateway.clock import rfc3339
from gateway.errors import StoreError
from gateway.model import ServerName, ServerSpec
from gateway.store import schema
from gateway.store.database import Database
from gateway.store.definitions import Pinned, forget_steps, pin_steps
from gateway.store.writer import Step


class InstalledServer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One installed server.

    `installed_at`: seconds since the epoch. `settings`: the non-secret configuration it was installed with.
    `secret_keys`: names only. `from_ref`: the reference as it was asked for. `files`: name of its content directory.
    `previous`: the installation before this one, for going back; it has none itself. `staged`: under which name the
    secret store holds secrets that came with this installation until they are in their place. `note`: what a person
    should know about it. `is_leaving`: it was removed, and what lies outside of the store may have to go yet.
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
    warnings: tuple[str, ...] = ()
    allow_fresh: bool = False
    previous: InstalledServer | None = None
    staged: str = ""
    note: str = ""
    is_leaving: bool = False

    @property
    def contents(self) -> frozenset[str]:
        """The content directories that must stay for it."""
        found = {self.files, self.previous.files if self.previous is not None else None}
        return frozenset(name for name in found if name)

    def alone(self) -> InstalledServer:
        """The same without what was before it: how it becomes somebody's `previous`."""
        return msgspec.structs.replace(self, previous=None, staged="", note="")


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(InstalledServer)
_PUT = schema.insert_sql(
    schema.INSTALLED,
    conflict="(name) DO UPDATE SET origin = excluded.origin, installed_at = excluded.installed_at,"
    " body = excluded.body",
)
_UNPIN = "DELETE FROM definitions WHERE server = ? AND tool = ?"
_DELETE = "DELETE FROM installed WHERE name = ?"


class Installed:
    """Rows of `installed`, by server name."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._log = structlog.get_logger("store")

    async def put(
        self,
        server: InstalledServer,
        *,
        forget_tools: bool = False,
        pins: Mapping[str, Pinned] | None = None,
        unpin: Collection[str] = (),
    ) -> None:
        """Remember (or replace) a server; in the same transaction forget its tools, or approve and unpin these."""
        spec = server.spec
        steps: list[Step] = forget_steps(spec.name) if forget_tools else []
        steps.append((_PUT, [(spec.name, str(spec.origin), server.installed_at, _ENCODER.encode(server))]))
        steps.append((_UNPIN, [(spec.name, tool) for tool in unpin]))
        if pins:
            steps += pin_steps(spec.name, pins, rfc3339(server.installed_at))
        await self._db.transaction(steps)

    async def get(self, name: ServerName) -> InstalledServer | None:
        """Return the server of that name.

        Raises: StoreError when its row cannot be read.
        """
        rows = await self._db.fetch("SELECT body FROM installed WHERE name = ?", (name,))
        if not rows:
            return None
        try:
            server = _DECODER.decode(rows[0][0])
        except (msgspec.DecodeError, TypeError) as exc:
            raise StoreError(
                f"what the store remembers about {name} cannot be read: {exc}",
                fix=f"Remove and install it again: mcp-gateway remove {name}",
            ) from exc
        return None if server.is_leaving else server

    async def leave(self, server: InstalledServer, note: str = "") -> None:
        """From now on the server is not installed; `remove` says that nothing of it is left outside either."""
        spec = server.spec
        body = _ENCODER.encode(msgspec.structs.replace(server.alone(), note=note, is_leaving=True))
        put: Step = (_PUT, [(spec.name, str(spec.origin), server.installed_at, body)])
        await self._db.transaction([*forget_steps(spec.name), put])

    async def remove(self, name: ServerName) -> bool:
        """Forget a server and its tools; False when it was not there."""
        return await self._db.transaction([(_DELETE, [(name,)]), *forget_steps(name)]) > 0

    async def all(self) -> list[InstalledServer]:
        """Return every readable server by name; an unreadable row costs that server only and is logged."""
        return [server for server in await self._readable() if not server.is_leaving]

    async def leaving(self) -> list[InstalledServer]:
        """Return the servers whose removal was not finished."""
        return [server for server in await self._readable() if server.is_leaving]

    async def names(self) -> frozenset[str]:
        """Return the name of every row, readable or not."""
        return frozenset(name for (name,) in await self._db.fetch("SELECT name FROM installed"))

    async def _readable(self) -> list[InstalledServer]:
        servers: list[InstalledServer] = []
        for name, body in await self._db.fetch("SELECT name, body FROM installed ORDER BY name"):
            try:
                servers.append(_DECODER.decode(body))
            except (msgspec.DecodeError, TypeError) as exc:
                self._log.warning("installed_row_unreadable", server=name, error=str(exc))
        return servers
