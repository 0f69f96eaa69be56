"""Names of namespaces, connections and tools at Connect, checked before they reach a URL's path. No I/O."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from gateway.errors import UsageError

_NAMESPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}", re.ASCII)
_CONNECTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}", re.ASCII)
_TOOL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,199}", re.ASCII)
# The registry's own words stand where a namespace would: `/servers`, `/tokens`, ...
_RESERVED = frozenset({"servers", "namespaces", "tokens", "health", "connect", "skills", "organizations"})


def namespace_name(name: str) -> str:
    """Check the name of a namespace and return it.

    Raises: UsageError.
    """
    if _NAMESPACE.fullmatch(name) is None or name in _RESERVED:
        raise UsageError(
            f"{name[:60]!a} is not a name of a namespace",
            fix="See `mcp-gateway connect namespaces`; letters, digits, '_' and '-' only.",
        )
    return name


def connection_id(name: str) -> str:
    """Check the id of a connection and return it.

    Raises: UsageError.
    """
    if _CONNECTION.fullmatch(name) is None or ".." in name:
        raise UsageError(
            f"{name[:60]!a} is not an id of a connection",
            fix="See `mcp-gateway connect list`; letters, digits, '.', '_' and '-' only.",
        )
    return name


def tool_path(name: str) -> str:
    """Return the path of a tool below `.tools`: its dots become slashes.

    Raises: UsageError for a name that could leave its place in the path.
    """
    parts = name.replace(".", "/").split("/")
    if _TOOL.fullmatch(name) is None or "" in parts:
        raise UsageError(f"{name[:60]!a} is not a name of a tool", fix="See `mcp-gateway connect tools ID`.")
    return "/".join(quote(part, safe="") for part in parts)


def mcp_address(base_url: str, namespace: str, connection: str) -> str:
    """Return the MCP endpoint of a connection; `base_url` is the API's address."""
    return f"{base_url.rstrip('/')}/connect/{namespace_name(namespace)}/{connection_id(connection)}/mcp"


def place_of(url: str, base_url: str) -> tuple[str, str] | None:
    """Return (namespace, connection) of an address that `mcp_address` made, None for any other address."""
    head = base_url.rstrip("/") + "/connect/"
    parts = url.removeprefix(head).split("/")
    if not url.startswith(head) or len(parts) != 3 or parts[2] != "mcp":
        return None
    try:
        return namespace_name(parts[0]), connection_id(parts[1])
    except UsageError:
        return None


def rest_base(connect_url: str, base_url: str) -> str:
    """Return what stands before `/{namespace}`: Connect's own host, or the older path below the API's."""
    ours, api = urlsplit(connect_url), urlsplit(base_url)
    if (ours.scheme, ours.netloc.lower()) == (api.scheme, api.netloc.lower()):
        return base_url.rstrip("/") + "/connect"
    return connect_url.rstrip("/")
