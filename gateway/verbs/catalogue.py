"""`search`, `show`, `list`: what there is, and what is here."""

from __future__ import annotations

from typing import Any

from gateway.discovery.finder import SourceState
from gateway.errors import GatewayError, NotFound
from gateway.install.planning.references import RefKind, parse_reference
from gateway.listing import Listing
from gateway.verbs import items
from gateway.verbs.filtering import filtered
from gateway.verbs.parts import Parts
from gateway.verbs.planning import preview_of

Json = dict[str, Any]


async def search(
    parts: Parts,
    query: str,
    *,
    source: str | None = None,
    limit: int = 10,
    verified: bool | None = None,
    remote: bool | None = None,
    namespace: str | None = None,
    offline: bool = False,
    filters: str | None = None,
) -> Json:
    """Servers in all sources, merged and ranked; `offline`: what the store remembers, without asking anybody.

    `filters`, spelled like a query string (`repoOwner=acme&repoName=echo`), are Smithery's own: it alone is asked.
    """
    machine, here, allowed = await parts.machine(), await installed_names(parts), parts.config().install.allow

    def why_not(listing: Listing) -> str | None:
        return items.why_not_here(listing, machine, allowed)

    if filters:
        common: dict[str, bool | str | None] = {"verified": verified, "remote": remote, "namespace": namespace}
        found = await filtered(
            parts, query, filters, source=source, limit=limit, common=common, offline=offline, why_not=why_not
        )
    else:
        found = await parts.finder.search(
            query,
            source=source,
            limit=limit,
            verified=verified,
            remote=remote,
            namespace=namespace,
            offline=offline,
            why_not=why_not,
        )
    drift = parts.finder.drift()
    return {
        "items": [items.found_item(item, machine, here, allowed=allowed) for item in found.items],
        "sources": [items.source_item(state, drift.get(state.name, ())) for state in found.sources],
        "nearest": list(found.nearest),
    }


async def show(parts: Parts, name: str) -> Json:
    """One listing in full, with the commands that an install would run."""
    listing, states = await look_up(parts, name)
    machine = await parts.machine()
    command, warnings = await _commands(parts, listing)
    releases = await parts.finder.releases(listing)
    lookalikes = await parts.finder.lookalike_warnings(listing)
    family = await parts.finder.family(listing)
    return {
        **items.listing_item(listing, machine, await installed_names(parts), allowed=parts.config().install.allow),
        "sources": list(dict.fromkeys(str(one.source) for one in family)),
        "origins": [items.origin_item(one) for one in family],
        "version": listing.version,
        "versions": [items.version_item(one) for one in releases] if releases is not None else None,
        "homepage": listing.homepage,
        "repository": listing.repository,
        "status": listing.status,
        "status_message": listing.status_message,
        "status_changed_at": listing.status_changed_at,
        "connections": items.connection_items(listing, machine),
        "config_schema": items.config_schemas(listing),
        "tools": [{"name": t.name, "description": t.description} for t in listing.tools]
        if listing.tools is not None
        else None,
        "scan_passed": listing.scan_passed,
        "command": command,
        "warnings": [*lookalikes, *(warning for warning in warnings if warning not in lookalikes)],
        "registries": [items.source_item(state, parts.finder.drift().get(state.name, ())) for state in states],
    }


async def look_up(parts: Parts, name: str) -> tuple[Listing, list[SourceState]]:
    """Find the full listing of a bare name or of a `smithery:`, `registry:` or `starter:` reference.

    Raises: NotFound, UsageError, DiscoveryError.
    """
    reference = parse_reference(name)
    if reference.version is not None and reference.kind is RefKind.REGISTRY:
        return await parts.finder.release(reference.identifier, reference.version, source=reference.kind.value), []
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
    """What the installed servers were installed from; an exact release of a registry's server counts as the server."""
    found = {server.spec.from_ for server in await parts.installed.all()}
    return found | {name.partition("@")[0] for name in found if name.startswith("registry:")}


async def _commands(parts: Parts, listing: Listing) -> tuple[list[Json], list[str]]:
    """The steps of a plan with nothing configured; why there is none is a warning here."""
    try:
        plan = await preview_of(parts, listing)
    except GatewayError as exc:
        return [], [exc.message]
    return [*plan.to_json()["steps"], {"step": "run", **plan.to_json()["launch"]}], list(plan.warnings)
