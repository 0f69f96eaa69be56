"""`connect`: what an account has at Smithery Connect, looked at and changed by hand."""

from __future__ import annotations

from typing import Any

from gateway.discovery.connect.inputs import without_query
from gateway.discovery.connect.names import connection_id, namespace_name
from gateway.discovery.connect.values import Connection, Filter, NewConnection
from gateway.discovery.names import smithery_name
from gateway.discovery.parsing.fields import web_address
from gateway.errors import NotFound, UsageError
from gateway.verbs.connecting.plan import chosen_namespace, server_at, usable_namespace
from gateway.verbs.parts import Parts

Json = dict[str, Any]


async def connect_namespaces(parts: Parts) -> Json:
    """The account's namespaces, and the one that is used when nobody names one."""
    parts.connect.require_key()
    names = await parts.connect.namespaces()
    chosen = parts.config().smithery.namespace or next(iter(names), None)
    return {"namespaces": [{"name": name, "chosen": name == chosen} for name in names], "chosen": chosen}


async def connect_list(
    parts: Parts, *, namespace: str | None = None, name: str | None = None, url: str | None = None
) -> Json:
    """The connections of a namespace, with what a person must do for each."""
    parts.connect.require_key()
    where = namespace or await chosen_namespace(parts)
    if where is None:
        return {"namespace": None, "connections": []}
    found = await parts.connect.connections(where, Filter(name=name or "", mcp_url=url or ""))
    return {"namespace": where, "connections": [await _row(parts, where, one) for one in found]}


async def connect_show(parts: Parts, connection: str, *, namespace: str | None = None) -> Json:
    """One connection."""
    where = await _where(parts, namespace)
    return await _row(parts, where, await parts.connect.get(where, connection))


async def connect_add(
    parts: Parts,
    name: str,
    *,
    connection: str | None = None,
    namespace: str | None = None,
    replace: bool = False,
) -> Json:
    """Connect a server of Smithery, or an address; it is not installed here.

    Raises: ConnectionMismatch for an id that leads elsewhere, unless it shall be replaced.
    """
    parts.connect.require_key()
    wanted = _wanted(name)
    if replace and connection is None:
        raise UsageError("only a connection with an id can be replaced", fix="Give --id ID.")
    where = namespace_name(namespace) if namespace else await usable_namespace(parts)
    if connection is None:
        made = await parts.connect.create(where, wanted)
    else:
        made = await parts.connect.put(where, connection_id(connection), wanted, replace=replace)
    return await _row(parts, where, made)


async def connect_remove(parts: Parts, connection: str, *, namespace: str | None = None) -> Json:
    """Delete a connection that no installed server uses.

    Raises: NotFound, UsageError.
    """
    where = await _where(parts, namespace)
    if (user := await _user_of(parts, where, connection)) is not None:
        raise UsageError(
            f"the server {user} uses the connection {connection}", fix=f"Remove the server: mcp-gateway remove {user}"
        )
    if not await parts.connect.delete(where, connection):
        raise NotFound(f"there is no connection {connection} in {where}", fix="See `mcp-gateway connect list`.")
    return {"namespace": where, "removed": connection}


async def connect_tools(parts: Parts, connection: str, *, namespace: str | None = None) -> Json:
    """The tools behind a connection."""
    where = await _where(parts, namespace)
    tools = await parts.connect.tools(where, connection)
    rows = [{"name": tool.name, "description": tool.description} for tool in tools]
    return {"namespace": where, "connection": connection, "tools": rows}


async def _where(parts: Parts, namespace: str | None) -> str:
    parts.connect.require_key()
    where = namespace or await chosen_namespace(parts)
    if where is None:
        raise NotFound(
            "the account has no namespace yet", fix="Make one with a first connection: mcp-gateway connect add"
        )
    return where


async def _user_of(parts: Parts, namespace: str, connection: str) -> str | None:
    specs = [server.spec for server in await parts.installed.all()]
    return server_at(specs, parts.connect.access.api_url, (namespace, connection))


def _wanted(name: str) -> NewConnection:
    if "://" in name:
        if web_address(name) is None:
            raise UsageError(f"{name[:80]!a} is not an address", fix="Write https://HOST/PATH, or a name: acme/echo.")
        return NewConnection(mcp_url=name)
    return NewConnection(server=smithery_name(name.removeprefix("smithery:")))


async def _row(parts: Parts, namespace: str, connection: Connection) -> Json:
    status = connection.status
    return {
        "id": connection.id,
        "namespace": namespace,
        "name": connection.name,
        "url": without_query(connection.mcp_url) if connection.mcp_url else None,
        "transport": connection.transport,
        "state": status.state,
        "message": status.message,
        "setup_url": status.setup_url,
        "missing": {"headers": list(status.missing_headers), "query": list(status.missing_query)},
        "created_at": connection.created_at,
        "made_here": connection.metadata.get("gateway") == parts.mark,
        "used_by": await _user_of(parts, namespace, connection.id),
    }
