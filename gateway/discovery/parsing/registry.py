"""The official MCP registry's JSON into listings. Hostile and additive input expected. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.discovery.names import registry_name
from gateway.discovery.parsing.fields import Fields, web_address
from gateway.discovery.parsing.inputs import parse_arguments, parse_inputs, parse_variables
from gateway.errors import ListingInvalid, UsageError
from gateway.listing import (
    BundleConnection,
    Connection,
    Listing,
    PackageConnection,
    RemoteConnection,
    UnsupportedConnection,
)
from gateway.model import Source

_OFFICIAL = "io.modelcontextprotocol.registry/official"
_STATES = frozenset({"active", "deprecated", "deleted"})
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# Nothing that a command line could take for an option, nothing that could leave its place in an address.
_IDENTIFIER = re.compile(r"[A-Za-z0-9@][A-Za-z0-9._/@:+-]*")
_EXACT_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_!-]*")
_NOTHING = "The registry lists this server without any package or remote address."
_VAGUE_VERSIONS = frozenset({"latest", "next", "*", "x"})


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing: good listings, how many entries were malformed, and the cursor of the next page."""

    listings: tuple[Listing, ...]
    skipped: int
    entries: int
    cursor: str | None


def parse_page(value: object, *, fetched_at: float) -> Page:
    """Read the answer of `GET /v0.1/servers`.

    Raises:
        ListingInvalid: the answer as a whole has no list of servers.
    """
    fields = Fields(value)
    entries = fields.value("servers")
    if not isinstance(entries, list):
        raise ListingInvalid("the MCP registry's answer has no list of servers")
    listings, skipped = [], 0
    for entry in entries:
        try:
            listings.append(parse_record(entry, fetched_at=fetched_at))
        except ListingInvalid:
            skipped += 1
    cursor = fields.fields("metadata").value("nextCursor")
    return Page(tuple(listings), skipped, len(entries), cursor if isinstance(cursor, str) and cursor else None)


def parse_record(value: object, *, fetched_at: float) -> Listing:
    """Read one server, alone or as an entry of a page.

    Raises:
        ListingInvalid: it is no object, or has no usable name.
    """
    envelope = Fields(value)
    server = envelope.fields("server")
    official = envelope.fields("_meta").fields(_OFFICIAL)
    name = _name(server)
    status = official.line("status")
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
        status=status if status in _STATES else "active",
        status_message=official.text("statusMessage"),
        connections=_connections(server),
        fetched_at=fetched_at,
    )


def _name(server: Fields) -> str:
    name = server.value("name")
    if not isinstance(name, str):
        raise ListingInvalid("an entry of the MCP registry has no name")
    try:
        return registry_name(name)
    except UsageError as error:
        raise ListingInvalid(error.message) from error


def _is_remote(server: Fields) -> bool | None:
    if server.rows("packages"):
        return False
    return True if server.rows("remotes") else None


def _connections(server: Fields) -> tuple[Connection, ...]:
    packages = tuple(_package(row) for row in server.rows("packages"))
    remotes = tuple(_remote(row) for row in server.rows("remotes"))
    return packages + remotes or (UnsupportedConnection("none", _NOTHING),)


def _package(row: Fields) -> Connection:
    kind = row.line("registryType") or row.line("registry_type")
    if not kind:
        return UnsupportedConnection("package", "The package does not say of which registry it is.")
    if kind == "mcpb":
        return _bundle(row)
    identifier, version = row.line("identifier"), row.line("version")
    if not _IDENTIFIER.fullmatch(identifier) or ".." in identifier:
        return UnsupportedConnection(kind, "The package's identifier is not one.")
    if version and not _is_exact(version):
        return UnsupportedConnection(kind, f"The version {version!r} is not an exact one, so it cannot be pinned.")
    return PackageConnection(
        registry=kind,
        identifier=identifier,
        version=version,
        runtime_arguments=parse_arguments(row.rows("runtimeArguments")),
        package_arguments=parse_arguments(row.rows("packageArguments")),
        environment=parse_inputs(row.rows("environmentVariables")),
        transport=row.fields("transport").line("type") or "stdio",
    )


def _is_exact(version: str) -> bool:
    return bool(_EXACT_VERSION.fullmatch(version)) and version.lower() not in _VAGUE_VERSIONS


def _bundle(row: Fields) -> Connection:
    url = row.address("identifier")
    digest = row.line("fileSha256").lower()
    if url is None:
        return UnsupportedConnection("mcpb", "The bundle has no usable http(s) address.")
    if not _SHA256.fullmatch(digest):
        return UnsupportedConnection("mcpb", "The bundle comes without the SHA-256 that the registry's rules demand.")
    return BundleConnection(url, sha256=digest)


def _remote(row: Fields) -> Connection:
    kind = row.line("type") or "remote"
    url = web_address(row.value("url"))
    if kind not in {"streamable-http", "sse"}:
        return UnsupportedConnection(kind, f"A remote of type {kind!r} is not known here.")
    if url is None:
        return UnsupportedConnection(kind, "The remote has no usable http(s) address.")
    headers = parse_inputs(row.rows("headers"))
    if not all(_HEADER.fullmatch(header.name) for header in headers):
        return UnsupportedConnection(kind, "The remote wants a header whose name is not one.")
    return RemoteConnection(url, transport=kind, headers=headers, variables=parse_variables(row))
