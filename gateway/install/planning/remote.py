"""A remote server's listing and a person's values, made into an address and headers. No I/O."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from gateway.install.planning.inputs import Inputs
from gateway.install.planning.settings import Problems, Settings, as_text, check_schema_settings, secret_reference
from gateway.listing import RemoteConnection
from gateway.model import RemoteLaunch

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", re.ASCII)
# Ours and the transport's to set; a listing that names them is wrong or up to something.
_TRANSPORT_HEADERS = {
    "host", "content-length", "content-type", "connection", "transfer-encoding", "upgrade", "te", "trailer", "expect",
    "accept", "accept-encoding", "origin", "cookie", "mcp-session-id", "mcp-protocol-version", "mcp-method", "mcp-name",
    "last-event-id", "proxy-authorization", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto",
}  # fmt: skip
_X_FROM_RESERVED = re.compile(r"(?i)authorization|cookie|cf-.*|smithery-.*")


def remote_launch(
    connection: RemoteConnection, settings: Settings, secrets: Collection[str], problems: Problems
) -> RemoteLaunch:
    """Fill in a remote connection; problems are collected, the launch is only valid when there are none."""
    if connection.config_schema:
        return _by_schema(connection, settings, secrets, problems)
    inputs = Inputs(settings, secrets, problems)
    headers: dict[str, str] = {}
    for spec in connection.headers:
        value = inputs.value(spec)
        if value is not None:
            _put_header(headers, spec.name, value, problems)
    url = inputs.fill(connection.url, connection.variables, lambda text: quote(text, safe=""))
    inputs.report_unused()
    return RemoteLaunch(url=url, headers=headers)


def _by_schema(
    connection: RemoteConnection, settings: Settings, secrets: Collection[str], problems: Problems
) -> RemoteLaunch:
    """Smithery's way: each property says by `x-from` whether it travels as a header or (by default) in the query."""
    schema = connection.config_schema
    values: dict[str, Any] = check_schema_settings(schema, settings, secrets, problems)
    properties = schema.get("properties")
    known = properties if isinstance(properties, Mapping) else {}
    problems.unknown([key for key in secrets if key not in known], known.keys())
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    for key in [*values, *(key for key in secrets if key in known)]:
        text = secret_reference(key) if key in secrets else as_text(values[key])
        where, name = _travels(key, known.get(key))
        if where == "header" and _X_FROM_RESERVED.fullmatch(name):
            problems.add(f"{key!r} wants to travel as the header {name!r}, which is reserved")
        elif where == "header":
            _put_header(headers, name, text, problems)
        else:
            query[name] = text
    return RemoteLaunch(url=_with_query(connection.url, query), headers=headers)


def _travels(key: str, entry: object) -> tuple[str, str]:
    source = entry.get("x-from") if isinstance(entry, Mapping) else None
    if isinstance(source, Mapping):
        for where in ("header", "query"):
            if isinstance(source.get(where), str):
                return where, source[where]
    return "query", key


def _with_query(url: str, query: Mapping[str, str]) -> str:
    if not query:
        return url
    parts = urlsplit(url)
    # The placeholder of a secret stays readable for the supervisor, which escapes the value it puts there.
    added = urlencode(query, quote_via=lambda text, safe, *_: quote(text, safe="${}:" if "${secret:" in text else safe))
    return urlunsplit(parts._replace(query="&".join(part for part in (parts.query, added) if part)))


def _put_header(headers: dict[str, str], name: str, value: str, problems: Problems) -> None:
    if _HEADER.fullmatch(name) is None or name.lower() in _TRANSPORT_HEADERS:
        problems.add(f"the listing sets the header {name[:40]!a}, which is refused")
    elif any(ord(char) < 32 or ord(char) > 255 for char in value):
        problems.add(f"the value of the header {name} contains characters that a header cannot carry")
    elif name.lower() in {known.lower() for known in headers}:
        problems.add(f"the listing sets the header {name} twice")
    else:
        headers[name] = value
