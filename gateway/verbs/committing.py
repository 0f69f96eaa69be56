"""From a fetched installation to the one that counts: one commit, everything else follows it, also after a kill."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import anyio
import msgspec
import structlog

from gateway.clock import rfc3339
from gateway.errors import ChildError, GatewayError, InstallError
from gateway.install.content import Collected
from gateway.install.installer import InstallResult
from gateway.store.definitions import Pinned
from gateway.store.installed import InstalledServer
from gateway.verbs.parts import Parts

REMOVE_DATA = "its data goes as well"  # the note of a server that leaves
_log = structlog.get_logger("install")


def row_of(result: InstallResult, at: float, before: InstalledServer | None) -> InstalledServer:
    """The row of an installation; what it replaces is kept for a way back, unless it is the same."""
    row = InstalledServer(
        spec=result.spec,
        sha256=result.sha256,
        installed_at=at,
        version=result.version,
        settings=result.settings,
        secret_keys=result.secret_keys,
        from_ref=result.from_ref,
        files=result.files,
        warnings=result.warnings,
        allow_fresh=result.allow_fresh,
    )
    if before is None:
        return row
    return msgspec.structs.replace(row, previous=before.previous if is_same(before, row) else before.alone())


def is_same(before: InstalledServer, after: InstalledServer) -> bool:
    """Whether two installations are one and the same, whenever they were made."""
    return msgspec.structs.replace(after.alone(), installed_at=before.installed_at) == before.alone()


async def shake_hands(parts: Parts, row: InstalledServer, secrets: Mapping[str, str]) -> Mapping[str, Pinned]:
    """Start a fetched server once, beside whatever runs. Raises: InstallError; nothing was changed by then."""
    try:
        return await parts.try_out(row.spec, secrets)
    except ChildError as exc:
        raise InstallError(
            f"{row.spec.name} was fetched but does not start: {exc.message}",
            step="handshake",
            fix=exc.fix or "Check its settings (mcp-gateway show NAME tells what it wants); nothing was kept.",
        ) from exc


async def put(
    parts: Parts,
    row: InstalledServer,
    secrets: Mapping[str, str],
    *,
    forget_tools: bool = False,
    pins: Mapping[str, Pinned] | None = None,
    unpin: Collection[str] = (),
) -> None:
    """Make an installation the one that counts.

    Raises: StoreError: then nothing changed. InstallError, GatewayError: it counts, and what follows it is done at
    the next start.
    """
    name, installer = row.spec.name, parts.installer
    # Bounded by the disk. A client that went away must not leave half of it for the next start to finish.
    with anyio.CancelScope(shield=True):
        staged = await installer.stage(name, secrets)
        try:
            whole = msgspec.structs.replace(row, staged=staged)
            await parts.installed.put(whole, forget_tools=forget_tools, pins=pins, unpin=unpin)
        except GatewayError:
            await installer.unstage(staged)
            raise
        installer.reached("committed")
        await installer.settle(name, row.files, staged)


async def change_over(
    parts: Parts,
    before: InstalledServer,
    row: InstalledServer,
    secrets: Mapping[str, str],
    *,
    pins: Mapping[str, Pinned] | None = None,
) -> str:
    """Let an installation take the place of the one before, side by side.

    Returns "", or why the one before is in its place again.
    """
    name = row.spec.name
    pinned = {pin.tool: (pin.hash, pin.canonical) for pin in await parts.definitions.approved(name)}
    kept = dict(await anyio.to_thread.run_sync(parts.secrets.kept, name))
    async with parts.switching(name) as switch:
        await put(parts, row, secrets, pins=pins)
        reason = await switch()
        if reason:
            await _take_back(parts, before, row, reason, pinned=pinned, kept=kept)
    return reason


async def _take_back(
    parts: Parts,
    before: InstalledServer,
    row: InstalledServer,
    reason: str,
    *,
    pinned: Mapping[str, Pinned],
    kept: Mapping[str, str],
) -> None:
    name = row.spec.name
    _log.warning("upgrade_rolled_back", server=name, tried=row.version, back_to=before.version, reason=reason)
    at = rfc3339(parts.clock.wall())
    note = f"{at}: {row.version or row.spec.from_} was rolled back to {before.version or before.spec.from_}: {reason}"
    now = {pin.tool: (pin.hash, pin.canonical) for pin in await parts.definitions.approved(name)}
    restored = {tool: pin for tool, pin in pinned.items() if now.get(tool) != pin}
    unpin = now.keys() - pinned.keys()
    await put(parts, msgspec.structs.replace(before, note=note), kept, pins=restored, unpin=unpin)
    for key in parts.secrets.kept(name).keys() - kept.keys():
        parts.secrets.remove(name, key)


async def collect_content(parts: Parts) -> Collected:
    """Delete the files that no installed server, nor its one before, needs; nothing while an installation runs."""

    async def needed() -> set[str]:
        return {name for server in await parts.installed.all() for name in server.contents}

    return await parts.installer.collect(needed)


async def recover(parts: Parts) -> None:
    """Finish what a killed process left unfinished: the store says what counts, everything else follows it.

    To be called before any server starts. What cannot be finished now is logged, and finished at the next start.
    """
    servers = await parts.installed.all()
    for server in servers:
        await _follow(parts, server)
    for server in await parts.installed.leaving():
        await _leave(parts, server)
    staged = {server.staged for server in servers}
    try:
        await parts.installer.sweep(await parts.installed.names(), staged)
    except OSError as exc:
        _log.warning("leftovers_not_deleted", reason=exc.strerror or str(exc))


async def _leave(parts: Parts, server: InstalledServer) -> None:
    try:
        await finish_leaving(parts, server, data=server.note == REMOVE_DATA)
    except (GatewayError, OSError) as exc:
        _log.warning("removal_not_finished", server=server.spec.name, reason=str(exc))


async def _follow(parts: Parts, server: InstalledServer) -> None:
    try:
        await parts.installer.settle(server.spec.name, server.files, server.staged)
    except (GatewayError, OSError) as exc:
        _log.warning("not_put_in_place", server=server.spec.name, reason=str(exc), fix=getattr(exc, "fix", ""))


async def finish_leaving(parts: Parts, server: InstalledServer, *, data: bool) -> None:
    """Take away what lies outside of the store of a server that leaves, then its row."""
    await parts.installer.remove(server.spec.name, data=data)
    await parts.installed.remove(server.spec.name)
    parts.installer.reached("gone")
