"""The official MCP registry's JSON into listings. Hostile and additive input expected. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.discovery.names import registry_name
from gateway.discovery.parsing.connections import connections_of
from gateway.discovery.parsing.spellings import RegistryFields
from gateway.errors import ListingInvalid, UsageError
from gateway.listing import ListedVersion, Listing
from gateway.model import Source

_OFFICIAL = "io.modelcontextprotocol.registry/official"
_STATES = frozenset({"active", "deprecated", "deleted"})


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing: good listings, how many entries were malformed, and the cursor of the next page."""

    listings: tuple[Listing, ...]
    skipped: int
    entries: int
    cursor: str | None


def parse_page(value: object, *, fetched_at: float) -> Page:
    """Read the answer of `GET /v0.1/servers?version=latest`; entries that say to be an older release are left out.

    Raises:
        ListingInvalid: the answer as a whole has no list of servers.
    """
    fields, entries = _entries(value)
    listings, skipped = [], 0
    for entry in entries:
        try:
            if not _is_older(entry):
                listings.append(parse_record(entry, fetched_at=fetched_at))
        except ListingInvalid:
            skipped += 1
    cursor = fields.fields("metadata").value("nextCursor")
    return Page(tuple(listings), skipped, len(entries), cursor if isinstance(cursor, str) and cursor else None)


def parse_versions(value: object) -> tuple[ListedVersion, ...]:
    """Read the answer of `GET /v0.1/servers/{name}/versions`, in its order; entries without a version are left out.

    Raises:
        ListingInvalid: the answer as a whole has no list of servers.
    """
    _, entries = _entries(value)
    found = []
    for entry in entries:
        server, official = _halves(entry)
        if version := server.line("version"):
            published = official.maybe_line("publishedAt")
            found.append(ListedVersion(version, published, _status(official), official.flag("isLatest") is True))
    return tuple(found)


def parse_record(value: object, *, fetched_at: float) -> Listing:
    """Read one server, alone or as an entry of a page.

    Raises:
        ListingInvalid: it is no object, or has no usable name.
    """
    server, official = _halves(value)
    name = _name(server)
    return Listing(
        source=Source.REGISTRY,
        name=name,
        display_name=server.line("title"),
        description=server.text("description"),
        remote=_is_remote(server),
        version=server.maybe_line("version"),
        owner=name.split("/", 1)[0],
        homepage=server.address("websiteUrl"),
        repository=server.fields("repository").address("url"),
        created_at=official.maybe_line("publishedAt"),
        updated_at=official.maybe_line("updatedAt"),
        status=_status(official),
        status_message=official.text("statusMessage"),
        status_changed_at=official.maybe_line("statusChangedAt"),
        connections=connections_of(server),
        fetched_at=fetched_at,
    )


def _entries(value: object) -> tuple[RegistryFields, list[object]]:
    fields = RegistryFields(value)
    entries = fields.value("servers")
    if not isinstance(entries, list):
        raise ListingInvalid("the MCP registry's answer has no list of servers")
    return fields, entries


def _halves(value: object) -> tuple[RegistryFields, RegistryFields]:
    """Part an entry into what the publisher says and what the registry says; older answers have both in one object.

    Everything else in `_meta` is publishers' own and means nothing here.
    """
    envelope = RegistryFields(value)
    server = envelope.fields("server") if "server" in envelope else envelope
    official = envelope.fields("_meta").fields(_OFFICIAL)
    return server, official


def _is_older(entry: object) -> bool:
    _, official = _halves(entry)
    return official.flag("isLatest") is False


def _status(official: RegistryFields) -> str:
    status = official.line("status")
    return status if status in _STATES else "active"


def _name(server: RegistryFields) -> str:
    name = server.value("name")
    if not isinstance(name, str):
        raise ListingInvalid("an entry of the MCP registry has no name")
    try:
        return registry_name(name)
    except UsageError as error:
        raise ListingInvalid(error.message) from error


def _is_remote(server: RegistryFields) -> bool | None:
    if server.rows("packages"):
        return False
    return True if server.rows("remotes") else None
