"""`remove`: a server stops and is forgotten: its row and pins in one commit, then its secrets, its link, its files."""

from __future__ import annotations

from typing import Any

import anyio
import structlog

from gateway.errors import StoreError, UsageError
from gateway.install.containers.commands import runs_container
from gateway.model import Origin, RemoteLaunch, ServerName, ServerSpec
from gateway.store.installed import InstalledServer
from gateway.verbs.committing import REMOVE_DATA, collect_content, finish_leaving
from gateway.verbs.connecting.plan import forget_connection
from gateway.verbs.parts import Parts
from gateway.verbs.upgrading import installed_server, section_of

Json = dict[str, Any]
_log = structlog.get_logger("install")


async def remove(parts: Parts, name: str, *, data: bool = False) -> Json:
    """Stop a server and forget it, its pins, its secrets and its files; `data`: its private folder as well.

    Raises: NotFound; UsageError for a server that the configuration asks for; GatewayError while it is being changed.
    """
    server = await _leaver(parts, name)
    if section_of(parts, server) is not None:
        raise UsageError(
            f"{name} is asked for by the configuration and would come back",
            fix=f"Delete its [[server]] block from {parts.config_file or 'config.toml'} and reload.",
        )
    async with parts.installer.working(server.spec.name, wait=False):
        # Once it is marked, the rest is done now or at the next start; bounded by the disk and the stop ladder.
        with anyio.CancelScope(shield=True):
            await parts.installed.leave(server, REMOVE_DATA if data else "")
            parts.installer.reached("leaving")
            await parts.changed()
            await finish_leaving(parts, server, data=data)
            if runs_container(server.spec.launch):
                await parts.installer.sweep_containers(server.spec.name)
    left = await forget_connection(parts, server.spec)
    freed = (await collect_content(parts)).freed_bytes
    home = parts.installer.store.data / server.spec.name
    kept = str(home) if await anyio.Path(home).is_dir() else None
    _log.info("server_removed", server=name, freed_bytes=freed, data_kept=kept)
    return {"removed": name, "freed_bytes": freed, "data_kept": kept, "warnings": left}


async def _leaver(parts: Parts, name: str) -> InstalledServer:
    """The server that shall go; one whose row cannot be read can still be removed."""
    try:
        return await installed_server(parts, name)
    except StoreError:
        if name not in await parts.installed.names():
            raise
        spec = ServerSpec(ServerName(name), "", Origin.CLI, RemoteLaunch(""))
        return InstalledServer(spec=spec, sha256=None, installed_at=parts.clock.wall(), version=None)
