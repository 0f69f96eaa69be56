"""`upgrade` and `rollback`: another release takes over side by side, with a plan and a diff first, and a way back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anyio
import msgspec
import structlog

from gateway.config.server import ServerSection
from gateway.errors import GatewayError, InstallError, NotFound
from gateway.install.planning.references import parse_reference
from gateway.model import RemoteLaunch, ServerName, StdioLaunch
from gateway.store.definitions import Pinned
from gateway.store.installed import InstalledServer
from gateway.verbs.committing import change_over, collect_content, is_same, row_of, shake_hands
from gateway.verbs.connecting.plan import planned, via_of
from gateway.verbs.differences import changed_pins, changes_of, tool_changes, tool_count
from gateway.verbs.installing import tell
from gateway.verbs.parts import Parts, Progress
from gateway.verbs.planning import Ask

Json = dict[str, Any]
UPGRADED, UNCHANGED, FAILED, ROLLED_BACK = "upgraded", "unchanged", "failed", "rolled_back"
_log = structlog.get_logger("install")


async def upgrade(
    parts: Parts,
    name: str | None = None,
    *,
    dry_run: bool = False,
    allow_fresh: bool = False,
    approve: bool = False,
    progress: Progress | None = None,
) -> Json:
    """Move one server, or all that were asked for without a version, to the newest allowed release.

    The new release is fetched and started beside the one that serves, and takes over once it is ready; one that does
    not stay up is rolled back. `dry_run` stops before anything is switched. `approve` accepts the changed definitions
    that the result shows; without it they are quarantined.

    Raises (for a named server only): as `install`.
    """
    chosen = [await installed_server(parts, name)] if name is not None else await parts.installed.all()
    told: dict[str, list[Json]] = {UPGRADED: [], UNCHANGED: [], FAILED: [], ROLLED_BACK: []}

    async def one(server: InstalledServer) -> None:
        work = _Upgrade(parts, server, dry_run=dry_run, approve=approve, progress=_named(progress, server))
        try:
            kind, row = await work.carry_out(allow_fresh=allow_fresh)
        except GatewayError as exc:
            if name is not None:
                raise
            kind, row = FAILED, {"name": server.spec.name, "message": exc.message, "fix": exc.fix}
        told[kind].append(row)

    if name is not None:
        await one(chosen[0])
    else:
        async with anyio.create_task_group() as tasks:
            for server in chosen:
                tasks.start_soon(one, server)
    freed = 0 if dry_run else (await collect_content(parts)).freed_bytes
    return {**{kind: sorted(rows, key=_by_name) for kind, rows in told.items()}, "freed_bytes": freed}


def _why_unchanged(server: InstalledServer) -> str:
    """Why there was nothing to do: `remote`, `pinned` (asked for with an exact version), or `newest`."""
    if isinstance(server.spec.launch, RemoteLaunch):
        return "remote"
    return "pinned" if parse_reference(server.from_ref).version is not None else "newest"


def _by_name(row: Json) -> str:
    return str(row["name"])


def _named(progress: Progress | None, server: InstalledServer) -> Progress | None:
    if progress is None:
        return None
    return lambda step: progress({**step, "server": server.spec.name})


class _Upgrade:
    """One server's upgrade."""

    def __init__(
        self, parts: Parts, server: InstalledServer, *, dry_run: bool, approve: bool, progress: Progress | None
    ) -> None:
        self._parts = parts
        self._server = server
        self._dry_run = dry_run
        self._approve = approve
        self._progress = progress

    async def carry_out(self, *, allow_fresh: bool) -> tuple[str, Json]:
        """Return which list of the result it belongs to, and its row there."""
        parts, name = self._parts, self._server.spec.name
        plan = await planned(parts, ask_again(parts, self._server, allow_fresh=allow_fresh))
        async with parts.installer.working(name):
            before = await installed_server(parts, name)
            fetched = await parts.installer.fetch(plan, self._progress)
            row = row_of(fetched.result, parts.clock.wall(), before)
            if is_same(before, row):
                return UNCHANGED, {"name": name, "version": before.version, "why": _why_unchanged(before)}
            tell(self._progress, "handshake", f"starting {row.version or name} beside the one that serves")
            seen = await shake_hands(parts, row, fetched.secrets)
            told, pins = await self._compare(before, row, seen)
            if self._dry_run:
                return UPGRADED, told
            tell(self._progress, "switch", f"{row.version or name} takes over")
            reason = await change_over(parts, before, row, fetched.secrets, pins=pins if self._approve else None)
        if reason:
            return ROLLED_BACK, {**told, "reason": reason}
        _log.info("server_upgraded", server=name, before=before.version, after=row.version)
        tell(self._progress, "done", f"{name} is upgraded")
        return UPGRADED, told

    async def _compare(
        self, before: InstalledServer, row: InstalledServer, seen: Mapping[str, Pinned]
    ) -> tuple[Json, dict[str, Pinned]]:
        """Tell what changes, and which definitions an approval would pin anew."""
        approved = await self._parts.definitions.approved(before.spec.name)
        pins = {pin.tool: (pin.hash, pin.canonical) for pin in approved}
        changed = changed_pins(pins, seen)
        changes = {**changes_of(before, row), "tools": tool_changes(pins, seen)}
        told = {
            "name": before.spec.name,
            "before": before.version,
            "after": row.version,
            "changes": changes,
            "quarantined": 0 if self._approve else tool_count(changed),
        }
        return told, changed


def ask_again(parts: Parts, server: InstalledServer, *, allow_fresh: bool) -> Ask:
    """Ask for an installed server as it was asked for, with the values it has."""
    section = section_of(parts, server)
    return Ask(
        server.from_ref,
        alias=server.spec.name,
        settings=server.settings,
        secret_keys=server.secret_keys,
        args=section.args if section is not None else (),
        origin=server.spec.origin,
        allow_fresh=allow_fresh,
        via=via_of(server.spec),
        granted=server.spec.launch.granted if isinstance(server.spec.launch, StdioLaunch) else (),
    )


async def rollback(parts: Parts, name: str, *, progress: Progress | None = None) -> Json:
    """Go back to what was installed under this name before; a second roll-back goes forth again.

    Raises: NotFound when there is nothing to go back to; InstallError when it does not start (any more).
    """
    async with parts.installer.working(ServerName(name)):
        server = await installed_server(parts, name)
        if server.previous is None or not parts.installer.store.has_files(server.previous.files):
            raise NotFound(f"there is no earlier installation of {name}", fix="See `mcp-gateway list`.")
        row = msgspec.structs.replace(server.previous, previous=server.alone(), installed_at=parts.clock.wall())
        tell(progress, "handshake", f"starting {row.version or name} beside the one that serves")
        seen = await shake_hands(parts, row, {})
        pins = {pin.tool: (pin.hash, pin.canonical) for pin in await parts.definitions.approved(server.spec.name)}
        reason = await change_over(parts, server, row, {})
    if reason:
        raise InstallError(f"{name} did not stay up after going back: {reason}", step="switch", fix="See its log.")
    _log.info("server_rolled_back", server=name, before=server.version, after=row.version)
    changes = {**changes_of(server, row), "tools": tool_changes(pins, seen)}
    held = tool_count(changed_pins(pins, seen))
    return {"name": name, "before": server.version, "after": row.version, "changes": changes, "quarantined": held}


def section_of(parts: Parts, server: InstalledServer) -> ServerSection | None:
    """The `[[server]]` block that asks for an installed server."""
    blocks = (section for section in parts.config().server if section.from_)
    return next((section for section in blocks if section.name == server.spec.name), None)


async def installed_server(parts: Parts, name: str) -> InstalledServer:
    """Return an installed server. Raises: NotFound; StoreError when its row cannot be read."""
    server = await parts.installed.get(ServerName(name))
    if server is None:
        raise NotFound(f"no server called {name[:60]!r} is installed", fix="See `mcp-gateway list`.")
    return server
