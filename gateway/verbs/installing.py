"""`install`, `upgrade`, `remove`: what comes and goes, each step all or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from gateway.config.server import ServerSection
from gateway.errors import ChildError, GatewayError, InstallError, NotFound, UsageError
from gateway.install.installer import InstallResult
from gateway.install.planning.blueprint import InstallPlan
from gateway.model import Origin, ServerName
from gateway.store.installed import InstalledServer
from gateway.verbs.parts import Parts, Progress
from gateway.verbs.planning import Ask, plan_for

Json = dict[str, Any]
_log = structlog.get_logger("install")


async def install(parts: Parts, ask: Ask, *, dry_run: bool = False, progress: Progress | None = None) -> Json:
    """Plan, check, fetch, pin, shake hands once, register, start.

    Raises: UsageError, NotFound, DiscoveryError, RefusedByPolicy, InstallError.
    """
    plan = await plan_for(parts, ask)
    before = await _name_is_free(parts, plan)
    if dry_run:
        return {"plan": plan.to_json()}
    secrets = dict(parts.secrets.get(plan.name))
    result = await parts.installer.install(plan, progress)
    _tell(progress, "handshake", f"starting {plan.name} once")
    tools = await _shake_hands(parts, result, secrets)
    if before is not None and not _is_same(before, plan):
        await parts.definitions.forget(plan.name)
    await parts.installed.put(_row(result, parts.clock.wall()))
    await parts.changed()
    await parts.started(plan.name)
    return {
        "name": plan.name,
        "from": result.spec.from_,
        "origin": str(result.spec.origin),
        "version": result.version,
        "sha256": result.sha256,
        "tools": tools,
        "warnings": list(result.warnings),
        "plan": plan.to_json(),
    }


async def _name_is_free(parts: Parts, plan: InstallPlan) -> InstalledServer | None:
    """Return what has the name now. A different thing is refused, except that the configuration always wins."""
    here = await parts.installed.get(plan.name)
    if here is not None and not _is_same(here, plan) and plan.origin is not Origin.CONFIG:
        raise UsageError(
            f"a server called {plan.name} is installed already, from {here.from_ref}",
            fix="Choose another name with --as, or remove the old one first.",
        )
    for section in parts.config().server:
        if section.name == plan.name and not section.from_:
            raise UsageError(
                f"the configuration has a [[server]] called {plan.name}, which would win",
                fix="Choose another name with --as.",
            )
    return here


def _is_same(here: InstalledServer, plan: InstallPlan) -> bool:
    return _bare(here.from_ref) == _bare(plan.from_)


def _bare(reference: str) -> str:
    """A reference without its version: the same package, whichever release."""
    kind, _, rest = reference.partition(":")
    return f"{kind}:{rest.split('==')[0].split('#')[0]}" if kind == "pypi" else _without_at(kind, rest.split("#")[0])


def _without_at(kind: str, rest: str) -> str:
    head, at, _ = rest.rpartition("@")
    return f"{kind}:{head}" if at and head else f"{kind}:{rest}"


async def _shake_hands(parts: Parts, result: InstallResult, secrets: Mapping[str, str]) -> int:
    name = result.spec.name
    try:
        return await parts.try_out(result.spec)
    except ChildError as exc:
        # Nothing is left behind: what was installed under this name before, with its secrets, is what starts again.
        await parts.installer.undo(name)
        for key in [*parts.secrets.get(name)]:
            parts.secrets.remove(name, key)
        for key, value in secrets.items():
            parts.secrets.set(name, key, value)
        raise InstallError(
            f"{name} was fetched but does not start: {exc.message}",
            step="handshake",
            fix=exc.fix or "Check its settings (mcp-gateway show NAME tells what it wants); nothing was kept.",
        ) from exc


def _row(result: InstallResult, at: float) -> InstalledServer:
    return InstalledServer(
        spec=result.spec,
        sha256=result.sha256,
        installed_at=at,
        version=result.version,
        settings=result.settings,
        secret_keys=result.secret_keys,
        from_ref=result.from_ref,
        files=result.files,
    )


async def upgrade(
    parts: Parts,
    name: str | None = None,
    *,
    dry_run: bool = False,
    allow_fresh: bool = False,
    progress: Progress | None = None,
) -> Json:
    """Install the newest allowed release of one server, or of all that were asked for without a version."""
    chosen = [await _installed(parts, name)] if name is not None else await parts.installed.all()
    upgraded, unchanged, failed = [], [], []
    for server in chosen:
        ask = Ask(
            server.from_ref,
            alias=server.spec.name,
            settings=server.settings,
            secret_keys=server.secret_keys,
            args=_configured_args(parts, server),
            origin=server.spec.origin,
            allow_fresh=allow_fresh,
        )
        try:
            done = await install(parts, ask, dry_run=dry_run, progress=progress)
        except GatewayError as exc:
            if name is not None:
                raise
            failed.append({"name": server.spec.name, "message": exc.message})
            continue
        after = done["plan"]["version"] if dry_run else done["version"]
        if after == server.version:
            unchanged.append({"name": server.spec.name, "version": after})
        else:
            upgraded.append({"name": server.spec.name, "before": server.version, "after": after})
    return {"upgraded": upgraded, "unchanged": unchanged, "failed": failed}


async def remove(parts: Parts, name: str) -> Json:
    """Stop a server and forget it, its pins and its secrets."""
    server = await _installed(parts, name)
    if _section_of(parts, server) is not None:
        raise UsageError(
            f"{name} is asked for by the configuration and would come back",
            fix=f"Delete its [[server]] block from {parts.config_file or 'config.toml'} and reload.",
        )
    await parts.installed.remove(server.spec.name)
    await parts.changed()
    await parts.definitions.forget(server.spec.name)
    await parts.installer.remove(server.spec.name)
    _log.info("server_removed", server=name)
    return {"removed": name}


def _section_of(parts: Parts, server: InstalledServer) -> ServerSection | None:
    """The `[[server]]` block that asks for an installed server."""
    blocks = (section for section in parts.config().server if section.from_)
    return next((section for section in blocks if section.name == server.spec.name), None)


def _configured_args(parts: Parts, server: InstalledServer) -> tuple[str, ...]:
    section = _section_of(parts, server)
    return section.args if section is not None else ()


async def _installed(parts: Parts, name: str) -> InstalledServer:
    server = await parts.installed.get(ServerName(name))
    if server is None:
        raise NotFound(f"no server called {name[:60]!r} is installed", fix="See `mcp-gateway list`.")
    return server


def _tell(progress: Progress | None, step: str, message: str) -> None:
    if progress is not None:
        progress({"step": step, "message": message, "done": None, "total": None})
