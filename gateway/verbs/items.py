"""Listings, plans and installed servers as the JSON of the API. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from gateway.clock import rfc3339
from gateway.discovery.finder import SourceState
from gateway.discovery.parsing.shapes import Drift
from gateway.discovery.ranking import RankedListing
from gateway.install.fitness.listings import judge
from gateway.install.fitness.verdict import Topic
from gateway.install.planning.machine import Machine
from gateway.listing import Connection, ListedVersion, Listing
from gateway.model import ServerSpec
from gateway.store.installed import InstalledServer

Json = dict[str, Any]


def found_item(
    item: RankedListing, machine: Machine, installed_names: set[str], *, allowed: Collection[str] = ()
) -> Json:
    """One search hit: its verdict is without its tools, which `show` looks at."""
    found = listing_item(_without_tools(item.listing), machine, installed_names, allowed=allowed)
    return {
        **found,
        "checks": [check for check in found["checks"] if check["what"] != Topic.TOOLS],
        "sources": list(item.sources),
        "origins": [origin_item(listing) for listing in (item.listing, *item.others)],
        "score": item.score,
        "why": list(item.why),
        "warnings": list(item.warnings),
    }


def origin_item(listing: Listing) -> Json:
    """Where a server is listed, under which name and in which version."""
    return {
        "source": str(listing.source),
        "name": listing.name,
        "version": listing.version,
        "status": listing.status,
    }


def why_not_here(listing: Listing, machine: Machine, allowed: Collection[str] = ()) -> str | None:
    """Why a listing cannot run on this machine; None: it can, or only its search result is known."""
    if listing.connections is None:
        return None
    found = judge(_without_tools(listing), machine, allowed=allowed).verdict
    return next(iter(found.reasons), "none of its ways to connect fits") if found.compatible is False else None


def _without_tools(listing: Listing) -> Listing:
    """What tools look like costs most of a verdict's time, and never makes a listing unfit."""
    return msgspec.structs.replace(listing, tools=None)


def listing_item(
    listing: Listing, machine: Machine, installed_names: set[str], *, allowed: Collection[str] = ()
) -> Json:
    """One listing; `compatible` is null while only a search result was seen.

    Names in `allowed` are trusted although their registry's scan failed.
    """
    found = judge(listing, machine, allowed=allowed).verdict
    return {
        "name": listing.name,
        "source": str(listing.source),
        "sources": [str(listing.source)],
        "display_name": listing.display_name or listing.name,
        "description": listing.description,
        "remote": listing.remote,
        "verified": listing.verified,
        "use_count": listing.use_count,
        "installed": f"{listing.source}:{listing.name}" in installed_names,
        "compatible": found.compatible,
        "reasons": found.reasons,
        "checks": [check.to_json() for check in found.checks],
        "score": listing.score,
        "why": [],
    }


def version_item(release: ListedVersion) -> Json:
    """One release that a registry knows."""
    return {
        "version": release.version,
        "published_at": release.published_at,
        "status": release.status,
        "is_latest": release.is_latest,
    }


def connection_item(connection: Connection) -> Json:
    """One way to connect, with its `type`."""
    return dict(msgspec.to_builtins(connection, str_keys=True))


def connection_items(listing: Listing, machine: Machine) -> list[Json]:
    """Every way to connect, each with the verdict on it and whether an installation would choose it."""
    fitness = judge(listing, machine)
    return [
        {
            **connection_item(connection),
            "compatible": found.compatible,
            "chosen": connection is fitness.chosen,
            "reasons": found.reasons,
            "checks": [check.to_json() for check in found.checks],
        }
        for connection, found in zip(listing.connections or (), fitness.connections, strict=True)
    ]


def config_schemas(listing: Listing) -> Json | None:
    """The configuration that the first connection with a schema wants."""
    for connection in listing.connections or ():
        schema = getattr(connection, "config_schema", None)
        if schema:
            return dict(schema)
    return None


def source_item(state: SourceState, drift: Sequence[Drift] = ()) -> Json:
    """How a source did, who must act if something is wrong, and how its answers differ from what is known of them."""
    return {
        "name": state.name,
        "state": state.state,
        "age_s": state.age_s,
        "message": state.message,
        "who": str(state.who) or None,
        "drift": [{"field": one.field, "kind": one.kind, "count": one.count} for one in drift],
    }


def server_item(spec: ServerSpec, installed: InstalledServer | None, pinned_tools: int) -> Json:
    """One row of `list`."""
    return {
        "name": spec.name,
        "from": spec.from_,
        "origin": str(spec.origin),
        "version": spec.version or (installed.version if installed else None),
        "sha256": installed.sha256 if installed else None,
        "installed_at": rfc3339(installed.installed_at) if installed else None,
        "pinned_tools": pinned_tools,
        "previous_version": installed.previous.version if installed and installed.previous else None,
        "note": installed.note if installed else "",
    }
