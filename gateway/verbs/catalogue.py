"""`search`, `show`, `list`: what there is, and what is here."""

from __future__ import annotations

from typing import Any

from gateway.discovery.finder import SourceState
from gateway.errors import GatewayError, NotFound
from gateway.install.planning.references import RefKind, parse_reference
from gateway.listing import Listing
from gateway.verbs import items
from gateway.verbs.parts import Parts
from gateway.verbs.planning import preview_of

Json = dict[str, Any]


async def search(parts: Parts, query: str, *, source: str | None = None, limit: int = 10) -> Json:
    """Servers in all sources, merged and ranked."""
    found = await parts.finder.search(query, source=source, limit=limit)
    machine, here = await parts.machine(), await installed_names(parts)
    return {
        "items": [items.found_item(item, machine, here) for item in found.items],
        "sources": [items.source_item(state) for state in found.sources],
    }


async def show(parts: Parts, name: str) -> Json:
    """One listing in full, with the commands that an install would run."""
    listing, states = await look_up(parts, name)
    machine = await parts.machine()
    command, warnings = await _commands(parts, listing)
    return {
        **items.listing_item(listing, machine, await installed_names(parts)),
        "version": listing.version,
        "homepage": listing.homepage,
        "repository": listing.repository,
        "status": listing.status,
        "connections": [items.connection_item(connection) for connection in listing.connections or ()],
        "config_schema": items.config_schemas(listing),
        "tools": [{"name": t.name, "description": t.description} for t in listing.tools]
        if listing.tools is not None
        else None,
        "scan_passed": listing.scan_passed,
        "command": command,
        "warnings": warnings,
        "registries": [items.source_item(state) for state in states],
    }


async def look_up(parts: Parts, name: str) -> tuple[Listing, list[SourceState]]:
    """Find the full listing of a bare name or of a `smithery:`, `registry:` or `starter:` reference.

    Raises: NotFound, UsageError, DiscoveryError.
    """
    reference = parse_reference(name)
    if reference.kind is RefKind.LISTING:
        return await parts.finder.show(reference.identifier)
    if reference.kind in {RefKind.SMITHERY, RefKind.REGISTRY, RefKind.STARTER}:
        return await parts.finder.show(reference.identifier, source=reference.kind.value)
    raise NotFound(
        f"{reference.text} is a package, not a listing",
        fix=f"See what installing it would do: mcp-gateway install {reference.text} --dry-run",
    )


async def list_servers(parts: Parts) -> Json:
    """The file's and the installed servers."""
    known = {server.spec.name: server for server in await parts.installed.all()}
    rows = [
        items.server_item(spec, known.get(spec.name), len(await parts.definitions.pins(spec.name)))
        for spec in await parts.wanted()
    ]
    return {"servers": rows}


async def installed_names(parts: Parts) -> set[str]:
    """What the installed servers were installed from."""
    return {server.spec.from_ for server in await parts.installed.all()}


async def _commands(parts: Parts, listing: Listing) -> tuple[list[Json], list[str]]:
    """The steps of a plan with nothing configured; why there is none is a warning here."""
    try:
        plan = await preview_of(parts, listing)
    except GatewayError as exc:
        return [], [exc.message]
    return [*plan.to_json()["steps"], {"step": "run", **plan.to_json()["launch"]}], list(plan.warnings)
