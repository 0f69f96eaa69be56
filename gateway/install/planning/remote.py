"""A remote server's listing and a person's values, made into an address and headers. No I/O."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from gateway.install.planning.inputs import Inputs, Put, key_of
from gateway.install.planning.settings import Placeholder, Problems, Settings, as_text, secret_reference
from gateway.install.schemas.values import check_schema_settings
from gateway.listing import InputSpec, RemoteConnection
from gateway.model import RemoteLaunch

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", re.ASCII)
# Ours and the transport's to set; a listing that names them is wrong or up to something.
_TRANSPORT_HEADERS = {
    "host", "content-length", "content-type", "connection", "transfer-encoding", "upgrade", "te", "trailer", "expect",
    "accept", "accept-encoding", "origin", "cookie", "mcp-session-id", "mcp-protocol-version", "mcp-method", "mcp-name",
    "last-event-id", "proxy-authorization", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto",
}  # fmt: skip
_ADDRESS = re.compile(r"(?P<scheme>https?://)(?P<host>[^/?#]+)(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_ONE = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_LABEL = re.compile(_ONE, re.ASCII)
_HOST = re.compile(rf"{_ONE}(?:\.{_ONE}){{0,20}}", re.ASCII)
_PORT = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
_INSISTED = re.compile(r"(?P<where>header|query)\.(?P<name>[A-Za-z0-9_.-]{1,100})", re.ASCII)
INSIST = "if its registry is out of date, give it as header.NAME or query.NAME and it will be sent"
_X_FROM_RESERVED = re.compile(r"(?i)authorization|cookie|cf-.*|smithery-.*")


def remote_launch(
    connection: RemoteConnection,
    settings: Settings,
    secrets: Collection[str],
    problems: Problems,
    secret_values: Mapping[str, str] | None = None,
) -> RemoteLaunch:
    """Fill in a remote connection; problems are collected, the launch is only valid when there are none.

    Registries describe servers late or not at all: `header.NAME` and `query.NAME` are sent although nobody asks for
    them, and noted. `secret_values` are those of `secrets` that are known here, to be checked.
    """
    mine = {key: match for key in [*settings, *secrets] if (match := _insisted_on(key, connection))}
    rest = {key: value for key, value in settings.items() if key not in mine}
    others = [key for key in secrets if key not in mine]
    if connection.config_schema:
        launch = _by_schema(connection, rest, others, problems, secret_values or {})
    else:
        launch = _by_inputs(connection, rest, others, problems)
    headers, query = dict(launch.headers), {}
    for key, match in mine.items():
        text = secret_reference(key) if key in secrets else as_text(settings[key])
        problems.note(f"{key!r} is sent although its registry does not ask for it")
        if match["where"] == "header":
            _put_header(headers, match["name"], text, problems)
        else:
            query[match["name"]] = text
    return RemoteLaunch(url=_with_query(launch.url, query), headers=headers)


def _insisted_on(key: str, connection: RemoteConnection) -> re.Match[str] | None:
    match = _INSISTED.fullmatch(key)
    properties = connection.config_schema.get("properties")
    known = properties if isinstance(properties, Mapping) else {}  # a listing may say anything
    return None if match is None or match["where"] in known else match


def _by_inputs(
    connection: RemoteConnection, settings: Settings, secrets: Collection[str], problems: Problems
) -> RemoteLaunch:
    """The official registry's way: headers and address say what they want."""
    inputs = Inputs(settings, secrets, problems)
    headers: dict[str, str] = {}
    for spec in connection.headers:
        value = inputs.value(spec)
        if value is not None:
            _put_header(headers, spec.name, value, problems)
    url = _address(connection, inputs, problems)
    inputs.report_unused(otherwise=INSIST)
    return RemoteLaunch(url=url, headers=headers)


def _address(connection: RemoteConnection, inputs: Inputs, problems: Problems) -> str:
    """Fill an address's template, so that no value changes more of it than the place where it stands."""
    match = _ADDRESS.fullmatch(connection.url)
    if match is None:
        problems.add("its address is not one")
        return connection.url
    host = inputs.fill(match["host"], connection.variables, _host_putter(match["host"], problems))
    if "{" in host or "}" in host:
        problems.add(f"its address has no host: the listing does not explain {host[:60]!a}")
    return f"{match['scheme']}{host}{inputs.fill(match['rest'], connection.variables, _putter(problems))}"


def _host_putter(template: str, problems: Problems) -> Put:
    """Judge what shall stand in the host: one label, a whole name where the template leaves it all open, or a port."""

    def put(variable: InputSpec, text: str) -> str:
        if isinstance(text, Placeholder):
            return text
        place = "{" + variable.name + "}"
        grammar, what = _LABEL, "one part of a host name (letters, digits and inner hyphens)"
        if template == place or template.startswith(f"{place}:"):
            grammar, what = _HOST, "a host name"
        elif template.endswith(f":{place}"):
            grammar, what = _PORT, "a port"
        if text.startswith("${secret:"):
            problems.add(f"{key_of(variable)!r} is secret, and no secret may decide which host is spoken to")
        elif grammar.fullmatch(text) is None:
            problems.add(f"{key_of(variable)!r} must be {what}")
        return text

    return put


def _putter(problems: Problems) -> Put:
    """Escape what shall stand in the path or the query; the supervisor does so for secrets."""

    def put(variable: InputSpec, text: str) -> str:
        if isinstance(text, Placeholder) or text.startswith("${secret:"):
            return text
        if text in {".", ".."}:
            problems.add(f"{key_of(variable)!r} must not be {text!r}, which would lead elsewhere")
        return quote(text, safe="")

    return put


def _by_schema(
    connection: RemoteConnection,
    settings: Settings,
    secrets: Collection[str],
    problems: Problems,
    secret_values: Mapping[str, str],
) -> RemoteLaunch:
    """Smithery's way: each property says by `x-from` whether it travels as a header or (by default) in the query."""
    schema = connection.config_schema
    values: dict[str, Any] = check_schema_settings(
        schema, settings, secrets, problems, secret_values=secret_values, otherwise=INSIST
    )
    properties = schema.get("properties")
    known = properties if isinstance(properties, Mapping) else {}
    problems.unknown([key for key in secrets if key not in known], known.keys(), otherwise=INSIST)
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


def reserved_keys(connection: RemoteConnection) -> dict[str, str]:
    """The keys that a schema would send as a header which is not its to set, with that header."""
    properties = connection.config_schema.get("properties")
    found = {
        key: _travels(key, entry) for key, entry in (properties if isinstance(properties, Mapping) else {}).items()
    }
    return {key: name for key, (where, name) in found.items() if where == "header" and _X_FROM_RESERVED.fullmatch(name)}


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
