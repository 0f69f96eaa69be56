"""Smithery's JSON into listings. Hostile and additive input expected; only a listing without a usable name is refused.

No I/O. What the fields mean stands in the wire's own words: `qualifiedName`, `bundleUrl`, `deploymentUrl`.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.discovery.names import smithery_name
from gateway.discovery.parsing.fields import Fields, web_address
from gateway.errors import ListingInvalid, UsageError
from gateway.listing import (
    BundleConnection,
    Connection,
    ListedTool,
    Listing,
    RemoteConnection,
    UnsupportedConnection,
)
from gateway.model import Source

_FUNCTION = (
    "The record is of the old kind whose start command is JavaScript sent by the registry; it is never run here."
)
_COMMAND = "The record is of the old kind that carries a bare command line instead of a bundle; it is never run here."
_NOTHING = "Smithery lists this server without any way to connect to it or to install it."
_NO_BUNDLE = "The record promises a local server but names no usable bundle to download."
_NO_ADDRESS = "The record promises a remote server but names no usable http(s) address."


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search: good listings, how many entries were malformed, and where the paging stands."""

    listings: tuple[Listing, ...]
    skipped: int
    entries: int  # as they came, malformed ones included; 0 ends the paging
    total_pages: int | None
    total: int | None
    size: int | None = None  # as the registry says, which may be fewer than it was asked for


def parse_page(value: object, *, fetched_at: float) -> Page:
    """Read the answer of `GET /servers`.

    Raises:
        ListingInvalid: the answer as a whole has no list of servers.
    """
    fields = Fields(value)
    entries = fields.value("servers")
    if not isinstance(entries, list):
        raise ListingInvalid("Smithery's answer has no list of servers")
    listings, skipped = [], 0
    for entry in entries:
        try:
            listings.append(parse_item(entry, fetched_at=fetched_at))
        except ListingInvalid:
            skipped += 1
    paging = fields.fields("pagination")
    counts = (paging.count(name) for name in ("totalPages", "totalCount", "pageSize"))
    return Page(tuple(listings), skipped, len(entries), *counts)


def parse_item(value: object, *, fetched_at: float) -> Listing:
    """Read one entry of a search; connections and tools stay unknown.

    Raises:
        ListingInvalid: it is no object, or has no usable name.
    """
    fields = Fields(value)
    homepage = fields.address("homepage")
    return Listing(
        source=Source.SMITHERY,
        name=_name(fields),
        display_name=fields.line("displayName"),
        description=fields.text("description"),
        remote=fields.flag("remote"),
        verified=fields.flag("verified") is True,
        use_count=fields.count("useCount"),
        owner=fields.maybe_line("namespace") or fields.maybe_line("owner"),
        homepage=homepage,
        repository=homepage if _is_repository(homepage) else None,
        created_at=fields.maybe_line("createdAt"),
        score=fields.number("score"),
        fetched_at=fetched_at,
    )


def parse_record(value: object, *, base_url: str, fetched_at: float) -> Listing:
    """Read the answer of `GET /servers/{name}`; `base_url` is what a relative `bundleUrl` is relative to.

    Raises:
        ListingInvalid: it is no object, or has no usable name.
    """
    fields = Fields(value)
    homepage = fields.address("homepage")
    return Listing(
        source=Source.SMITHERY,
        name=_name(fields),
        display_name=fields.line("displayName"),
        description=fields.text("description"),
        remote=fields.flag("remote"),
        verified=fields.flag("verified") is True,
        use_count=fields.count("useCount"),
        owner=fields.maybe_line("namespace"),
        homepage=homepage,
        repository=homepage if _is_repository(homepage) else None,
        created_at=fields.maybe_line("createdAt"),
        scan_passed=fields.fields("security").flag("scanPassed"),
        connections=_connections(fields, base_url),
        tools=_tools(fields),
        fetched_at=fetched_at,
    )


def _name(fields: Fields) -> str:
    name = fields.value("qualifiedName")
    if not isinstance(name, str):
        raise ListingInvalid("an entry of Smithery has no qualifiedName")
    try:
        return smithery_name(name.rstrip("/"))
    except UsageError as error:
        raise ListingInvalid(error.message) from error


def _is_repository(address: str | None) -> bool:
    return address is not None and address.startswith(("https://github.com/", "https://gitlab.com/"))


def _connections(record: Fields, base_url: str) -> tuple[Connection, ...]:
    rows = record.rows("connections")
    if not rows:
        return (UnsupportedConnection("none", _NOTHING),)
    return tuple(_connection(row, record, base_url) for row in rows)


def _connection(row: Fields, record: Fields, base_url: str) -> Connection:
    kind = row.line("type")
    if kind in {"http", "streamable-http", "sse"}:
        return _remote(row, record, kind)
    if kind == "stdio":
        return _local(row, base_url)
    return UnsupportedConnection(kind or "unknown", f"A connection of type {kind or '(none)'!r} is not known here.")


def _remote(row: Fields, record: Fields, kind: str) -> Connection:
    url = row.address("deploymentUrl") or record.address("deploymentUrl")
    if url is None:
        return UnsupportedConnection(kind, _NO_ADDRESS)
    transport = "sse" if kind == "sse" else "streamable-http"
    return RemoteConnection(url, transport=transport, config_schema=row.mapping("configSchema"))


def _local(row: Fields, base_url: str) -> Connection:
    if "bundleUrl" in row:
        return _bundle(row, base_url)
    if "stdioFunction" in row:
        return UnsupportedConnection("stdioFunction", _FUNCTION)
    if "command" in row:
        return UnsupportedConnection("command", _COMMAND)
    return UnsupportedConnection("stdio", _NO_BUNDLE)


def _bundle(row: Fields, base_url: str) -> Connection:
    address = row.value("bundleUrl")
    absolute = web_address(address)
    own = absolute is None
    url = absolute or _on_base(address, base_url)
    if url is None:
        return UnsupportedConnection("stdio", _NO_BUNDLE)
    return BundleConnection(url, runtime=row.line("runtime"), config_schema=row.mapping("configSchema"), authorize=own)


def _on_base(path: object, base_url: str) -> str | None:
    """Put a path on the registry's own address; None when it could lead anywhere else."""
    if not isinstance(path, str) or not path.startswith("/") or path.startswith("//"):
        return None
    if ".." in path or "\\" in path or not path.isascii() or not path.isprintable() or " " in path:
        return None
    return base_url.rstrip("/") + path


def _tools(record: Fields) -> tuple[ListedTool, ...] | None:
    if not isinstance(record.value("tools"), list):
        return None
    tools = (
        ListedTool(row.line("name"), row.text("description"), row.mapping("inputSchema"))
        for row in record.rows("tools")
    )
    return tuple(tool for tool in tools if tool.name)
