"""Connect's JSON, read leniently: fields may be added, missing or null. No I/O."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gateway.discovery.connect.values import (
    UNKNOWN,
    AskedValue,
    Connection,
    ConnectionPage,
    ConnectTool,
    ServiceToken,
    Status,
)
from gateway.discovery.parsing.fields import Fields, clean_text
from gateway.errors import ListingInvalid

MAX_URL = 2000
MAX_NAMES = 50  # headers or parameters that one connection may ask for


def parse_connection(value: object) -> Connection:
    """Read one connection.

    Raises: ListingInvalid when it is not an object with an id.
    """
    raw = Fields(value)
    ident = raw.line("connectionId")
    if not ident:
        raise ListingInvalid("Connect answered with something that is not a connection")
    info = raw.fields("serverInfo")
    return Connection(
        id=ident,
        name=raw.line("name") or ident,
        mcp_url=raw.address("mcpUrl"),
        transport=raw.line("transport") or "http",
        metadata=raw.mapping("metadata"),
        created_at=raw.maybe_line("createdAt"),
        server_name=info.line("name"),
        server_version=info.line("version"),
        status=parse_status(raw.value("status")),
    )


def parse_status(value: object) -> Status:
    """Read the status of a connection; whatever it is, something is returned."""
    raw = Fields(value)
    wanted, missing = raw.fields("http"), raw.fields("missing")
    return Status(
        state=raw.line("state") or UNKNOWN,
        message=raw.line("message"),
        setup_url=setup_address(raw.value("setupUrl")) or setup_address(raw.value("authorizationUrl")),
        headers=_asked(wanted, "headers"),
        query=_asked(wanted, "query"),
        missing_headers=_names(missing, "headers"),
        missing_query=_names(missing, "query"),
    )


def setup_address(value: object) -> str | None:
    """Return an address that may be shown to a person to be opened: https, plain ASCII, no user name; else None."""
    if not isinstance(value, str) or len(value) > MAX_URL or not value.isascii() or not value.isprintable():
        return None
    raw = Fields({"url": value})
    address = raw.address("url")
    return address if address is not None and address.lower().startswith("https://") else None


def _asked(raw: Fields, where: str) -> tuple[AskedValue, ...]:
    found = []
    for name, entry in raw.named(where):
        clean = clean_text(name, 100)
        if clean:
            found.append(AskedValue(clean, entry.line("label"), entry.flag("required") is True))
    return tuple(found[:MAX_NAMES])


def _names(raw: Fields, where: str) -> tuple[str, ...]:
    names = [clean_text(name, 100) for name in raw.lines(where)]
    return tuple(name for name in names if name)[:MAX_NAMES]


def parse_connections(value: object) -> ConnectionPage:
    """Read one page of connections; malformed ones are left out and counted.

    Raises: ListingInvalid when it is no list of connections at all.
    """
    raw = Fields(value)
    if not isinstance(raw.value("connections"), list):
        raise ListingInvalid("Connect answered with something that is not a list of connections")
    found: list[Connection] = []
    entries = raw.value("connections")
    for entry in entries:
        try:
            found.append(parse_connection(entry))
        except ListingInvalid:
            continue
    return ConnectionPage(tuple(found), _cursor(raw.value("nextCursor")), len(entries) - len(found))


def _cursor(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= MAX_URL else None


def parse_namespaces(value: object) -> tuple[str, ...]:
    """Read the names of namespaces.

    Raises: ListingInvalid.
    """
    raw = Fields(value)
    if not isinstance(raw.value("namespaces"), list):
        raise ListingInvalid("Smithery answered with something that is not a list of namespaces")
    return tuple(name for row in raw.rows("namespaces") if (name := row.line("name")))


def parse_namespace(value: object) -> str:
    """Read the name of one namespace.

    Raises: ListingInvalid.
    """
    name = Fields(value).line("name")
    if not name:
        raise ListingInvalid("Smithery answered with something that is not a namespace")
    return name


def parse_token(value: object) -> ServiceToken:
    """Read a service token.

    Raises: ListingInvalid when it could not stand in a header.
    """
    raw = Fields(value)
    token = raw.value("token")
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ListingInvalid("Smithery answered with something that is not a token")
    return ServiceToken(token, _moment(raw.value("expiresAt")))


def _moment(text: object) -> float | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment.timestamp() if moment is not None and moment.tzinfo is not None else None


def parse_tools(value: object) -> tuple[ConnectTool, ...]:
    """Read tools: a `{"tools": […]}`, or one tool by itself.

    Raises: ListingInvalid.
    """
    raw = Fields(value)
    listed = raw.value("tools")
    if listed is None and raw.line("name"):
        return (_tool(raw, dict(value) if isinstance(value, dict) else {}),)
    if not isinstance(listed, list):
        raise ListingInvalid("Connect answered with something that is not a list of tools")
    return tuple(
        _tool(Fields(entry), entry) for entry in listed if isinstance(entry, dict) and Fields(entry).line("name")
    )


def _tool(raw: Fields, definition: dict[str, Any]) -> ConnectTool:
    return ConnectTool(raw.line("name"), raw.text("description"), definition)


def parse_result(value: object) -> dict[str, Any]:
    """Read the MCP result of a call, as it came.

    Raises: ListingInvalid.
    """
    if not isinstance(value, dict):
        raise ListingInvalid("Connect answered a call with something that is not a result")
    return value
