"""`install`: plan, check, fetch, shake hands once, commit, start; one server or several side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import anyio
import structlog

from gateway.admin.problems import describe
from gateway.errors import GatewayError, InstallError, UsageError
from gateway.install.installer import Fetched
from gateway.install.planning.blueprint import InstallPlan
from gateway.model import Origin
from gateway.store.definitions import Pinned
from gateway.store.installed import InstalledServer
from gateway.verbs.committing import change_over, is_same, put, row_of, shake_hands
from gateway.verbs.connecting.plan import connected, planned
from gateway.verbs.definitions import warnings_about
from gateway.verbs.differences import changed_pins, changes_of, tool_changes, tool_count
from gateway.verbs.parts import Parts, Progress
from gateway.verbs.planning import Ask

Json = dict[str, Any]
_log = structlog.get_logger("install")


async def install(parts: Parts, ask: Ask, *, dry_run: bool = False, progress: Progress | None = None) -> Json:
    """Plan, check, fetch, shake hands once, commit, start.

    What is here already, unchanged and ready, is left alone. Another release of what serves under the name takes over
    side by side, and is rolled back when it does not stay up.

    Raises: UsageError, NotFound, DiscoveryError, RefusedByPolicy, InstallError.
    """
    plan = await planned(parts, ask)
    await _name_is_free(parts, plan)
    if dry_run:
        return {"plan": plan.to_json()}
    async with parts.installer.working(plan.name):
        before = await _name_is_free(parts, plan)  # once more: somebody else may just have installed it
        plan = await connected(parts, ask, plan, progress)
        fetched = await parts.installer.fetch(plan, progress)
        row = row_of(fetched.result, parts.clock.wall(), before)
        if before is not None and await _is_served(parts, before, row, fetched):
            return await _unchanged(parts, before, plan)
        tell(progress, "handshake", f"starting {plan.name} once")
        seen = await shake_hands(parts, row, fetched.secrets)
        moved = await _compared(parts, before, row, seen) if before is not None and same_thing(before, plan) else {}
        await _put_in_place(parts, plan, before, row, fetched, seen)
    await parts.started(plan.name)
    _log.info("server_installed", server=plan.name, reference=plan.from_, version=row.version, sha256=row.sha256)
    tell(progress, "done", f"{plan.name} is installed")
    warnings = [*row.warnings, *await warnings_about(parts, plan.name, seen)]
    return {**_told(row, plan), "warnings": warnings, "tools": tool_count(seen), "unchanged": False, **moved}


async def _compared(parts: Parts, before: InstalledServer, row: InstalledServer, seen: Mapping[str, Pinned]) -> Json:
    """Tell what another release changes, and how many tools wait for an approval because of it."""
    pins = {pin.tool: (pin.hash, pin.canonical) for pin in await parts.definitions.approved(row.spec.name)}
    changes = {**changes_of(before, row), "tools": tool_changes(pins, seen)}
    return {"changes": changes, "quarantined": tool_count(changed_pins(pins, seen))}


async def _put_in_place(
    parts: Parts,
    plan: InstallPlan,
    before: InstalledServer | None,
    row: InstalledServer,
    fetched: Fetched,
    seen: Mapping[str, Pinned],
) -> None:
    if before is None or not same_thing(before, plan):
        # What it showed at the handshake counts as approved: what it says at its first start is held against that.
        known = await parts.definitions.all_pins(plan.name) if before is None else {}
        fresh = {tool: pinned for tool, pinned in seen.items() if tool not in known}
        await put(parts, row, fetched.secrets, forget_tools=before is not None, pins=fresh)
        await parts.changed()
        return
    reason = await change_over(parts, before, row, fetched.secrets)
    if reason:
        raise InstallError(
            f"{plan.name} did not stay up, and {before.version or before.spec.from_} serves again: {reason}",
            step="switch",
            fix=f"See: mcp-gateway logs {plan.name}",
        )


async def _is_served(parts: Parts, before: InstalledServer, row: InstalledServer, fetched: Fetched) -> bool:
    """Whether exactly this runs already: then a handshake would tell nothing new."""
    if not (is_same(before, row) and parts.is_ready(row.spec.name)):
        return False
    kept = await anyio.to_thread.run_sync(parts.secrets.kept, row.spec.name)
    return all(kept.get(key) == value for key, value in fetched.secrets.items())


async def _unchanged(parts: Parts, before: InstalledServer, plan: InstallPlan) -> Json:
    pins = await parts.definitions.pins(plan.name)
    return {**_told(before, plan), "tools": len(pins), "unchanged": True}


def _told(row: InstalledServer, plan: InstallPlan) -> Json:
    return {
        "name": plan.name,
        "from": row.spec.from_,
        "origin": str(row.spec.origin),
        "version": row.version,
        "sha256": row.sha256,
        "warnings": list(row.warnings),
        "plan": plan.to_json(),
    }


async def install_many(
    parts: Parts,
    names: Sequence[str],
    *,
    dry_run: bool = False,
    allow_fresh: bool = False,
    progress: Progress | None = None,
) -> Json:
    """Install several servers side by side; one that fails does not hinder the others.

    Each step of progress says in `server` which of `names` it is about.
    """
    results: dict[str, Json] = {}

    async def one(name: str) -> None:
        def named(step: Json) -> None:
            if progress is not None:
                progress({**step, "server": name})

        ask = Ask(name, origin=Origin.CLI, allow_fresh=allow_fresh)
        try:
            done = await install(parts, ask, dry_run=dry_run, progress=named)
            results[name] = {"reference": name, "ok": True, **done}
        except GatewayError as exc:
            named({"step": "failed", "message": exc.message, "done": None, "total": None})
            results[name] = {"reference": name, "ok": False, **describe(exc)}

    async with anyio.create_task_group() as tasks:
        for name in dict.fromkeys(names):
            tasks.start_soon(one, name)
    return {"results": [results[name] for name in dict.fromkeys(names)]}


async def _name_is_free(parts: Parts, plan: InstallPlan) -> InstalledServer | None:
    """Return what has the name now. A different thing is refused, except that the configuration always wins."""
    here = await parts.installed.get(plan.name)
    if here is not None and not same_thing(here, plan) and plan.origin is not Origin.CONFIG:
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


def same_thing(here: InstalledServer, plan: InstallPlan) -> bool:
    """Whether a plan is about what has its name already, whichever release."""
    return _bare(here.from_ref) == _bare(plan.from_)


def _bare(reference: str) -> str:
    """A reference without its version: the same package, whichever release."""
    kind, _, rest = reference.partition(":")
    if kind == "oci":  # host:port/path:tag@digest
        place, slash, image = rest.split("@")[0].rpartition("/")
        return f"{kind}:{place}{slash}{image.split(':')[0]}"
    return f"{kind}:{rest.split('==')[0].split('#')[0]}" if kind == "pypi" else _without_at(kind, rest.split("#")[0])


def _without_at(kind: str, rest: str) -> str:
    head, at, _ = rest.rpartition("@")
    return f"{kind}:{head}" if at and head else f"{kind}:{rest}"


def tell(progress: Progress | None, step: str, message: str) -> None:
    """Tell whoever watches, if anybody does."""
    if progress is not None:
        progress({"step": step, "message": message, "done": None, "total": None})
