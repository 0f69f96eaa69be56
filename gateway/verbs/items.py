"""Listings, plans and installed servers as the JSON of the API. No I/O."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.clock import rfc3339
from gateway.discovery.finder import SourceState
from gateway.discovery.ranking import RankedListing
from gateway.install.planning.compatibility import verdict
from gateway.install.planning.machine import Machine
from gateway.listing import Connection, Listing
from gateway.model import ServerSpec
from gateway.store.installed import InstalledServer

Json = dict[str, Any]


def found_item(item: RankedListing, machine: Machine, installed_names: set[str]) -> Json:
    """One search hit."""
    return {
        **listing_item(item.listing, machine, installed_names),
        "sources": list(item.sources),
        "score": item.score,
        "why": list(item.why),
    }


def listing_item(listing: Listing, machine: Machine, installed_names: set[str]) -> Json:
    """One listing; `compatible` is null while only a search result was seen."""
    compatible, reasons = verdict(listing, machine) if listing.connections is not None else (None, [])
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
        "compatible": compatible,
        "reasons": reasons,
        "score": listing.score,
        "why": [],
    }


def connection_item(connection: Connection) -> Json:
    """One way to connect, with its `type`."""
    return dict(msgspec.to_builtins(connection, str_keys=True))


def config_schemas(listing: Listing) -> Json | None:
    """The configuration that the first connection with a schema wants."""
    for connection in listing.connections or ():
        schema = getattr(connection, "config_schema", None)
        if schema:
            return dict(schema)
    return None


def source_item(state: SourceState) -> Json:
    """How a source did."""
    return {"name": state.name, "state": state.state, "age_s": state.age_s, "message": state.message}


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
    }
