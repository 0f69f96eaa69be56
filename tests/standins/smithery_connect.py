"""Smithery Connect in the stand-in: connections, their tools, their MCP endpoint. Two forms of address.

What state a connection is in follows from its server, unless `/ctl/settings` says otherwise:
{"states": {"<connection id or server name>": {"state": "auth_required", "setupUrl": "https://..."}}}; {}: as ever.
"""

from __future__ import annotations

import itertools
import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.standins import mcp_remote
from tests.standins.listings import SERVERS, Server

_REST = ["GET", "PUT", "DELETE", "POST", "PATCH"]


class Connect:
    """Connections in memory; `namespaces` and `settings` are shared with the registry side."""

    def __init__(self, namespaces: dict[str, str], settings: dict[str, Any]) -> None:
        self._namespaces = namespaces
        self._settings = settings
        self._made: dict[tuple[str, str], dict[str, Any]] = {}
        self._numbers = itertools.count(1)

    def routes(self, prefix: str) -> list[Route]:
        """The routes below `prefix` ("/connect" or "")."""
        one = prefix + "/{ns}/{connection}"
        return [
            Route(prefix + "/{ns}/.tools", self._all_tools, methods=["GET"]),
            Route(one + "/mcp", self._mcp, methods=_REST),
            Route(one + "/.tools", self._tools, methods=["GET"]),
            Route(one + "/.tools/{tool:path}", self._tool, methods=["GET", "POST"]),
            Route(one, self._one, methods=["GET", "PUT", "DELETE"]),
            Route(prefix + "/{ns}", self._many, methods=["GET", "POST"]),
        ]

    async def _many(self, request: Request) -> Response:
        ns = request.path_params["ns"]
        if ns not in self._namespaces:
            return _failure(404, "not_found", f"Namespace {ns} not found")
        if request.method == "POST":
            return await self._put(request, ns, f"connection-{next(self._numbers)}")
        rows = [made for (owner, _), made in self._made.items() if owner == ns and _wanted(made, request)]
        limit, start = request.query_params.get("limit", "100"), request.query_params.get("cursor", "at-0")
        if not limit.isdigit() or not 1 <= int(limit) <= 100:
            return _failure(400, "validation_error", "limit must be from 1 to 100")
        first = int(start.removeprefix("at-"))
        last = first + int(limit)
        shown = [self._shown(made) for made in rows[first:last]]
        return JSONResponse({"connections": shown, "nextCursor": f"at-{last}" if last < len(rows) else None})

    async def _one(self, request: Request) -> Response:
        ns, name = request.path_params["ns"], request.path_params["connection"]
        if ns not in self._namespaces:
            return _failure(404, "not_found", f"Namespace {ns} not found")
        if request.method == "PUT":
            return await self._put(request, ns, name)
        made = self._made.get((ns, name))
        if made is None:
            return _failure(404, "not_found", f"Connection {name} not found")
        if request.method == "DELETE":
            del self._made[ns, name]
            return JSONResponse({"success": True})
        return JSONResponse(self._shown(made))

    async def _put(self, request: Request, ns: str, name: str) -> Response:
        body = await _json(request)
        old = self._made.get((ns, name))
        url = _address(body) or (old["mcpUrl"] if old is not None else None)  # an update may leave it out
        if not isinstance(body, dict) or url is None:
            return _failure(400, "validation_error", "one of server, mcpUrl, transport is needed")
        if old is not None and old["mcpUrl"].split("?")[0] != url.split("?")[0]:
            return _failure(409, "conflict", "Connection exists with another mcpUrl")
        kept = old["headers"] if old is not None else {}
        if any(not isinstance(value, str) for value in (body.get("headers") or {}).values()):
            return _failure(400, "validation_error", "headers must be strings")
        known = old["metadata"] if old is not None else None
        made = {
            "connectionId": name, "name": body.get("name") or name, "mcpUrl": url,
            "metadata": body.get("metadata") or known,
            "createdAt": "2026-05-06T07:08:09.000Z", "iconUrl": None, "transport": "http",
            "headers": {**kept, **(body.get("headers") or {})},
        }  # fmt: skip
        self._made[ns, name] = made
        return JSONResponse(self._shown(made), 201 if old is None else 200)

    async def _all_tools(self, request: Request) -> Response:
        ns = request.path_params["ns"]
        rows = [made for (owner, _), made in self._made.items() if owner == ns]
        envelopes = [{"connectionId": made["connectionId"], "tools": mcp_remote.TOOLS} for made in rows]
        return JSONResponse({"connections": envelopes})

    async def _tools(self, request: Request) -> Response:
        made = self._of(request)
        if made is None:
            return _failure(404, "not_found", "Connection not found")
        return JSONResponse({"tools": mcp_remote.TOOLS})

    async def _tool(self, request: Request) -> Response:
        made = self._of(request)
        name = request.path_params["tool"].replace("/", ".")
        if made is None:
            return _failure(404, "not_found", "Connection not found")
        if request.method == "GET":
            return _described(name)
        arguments = await _json(request)
        if not isinstance(arguments, dict):
            return _failure(400, "validation_error", "arguments must be an object")
        result = mcp_remote.call_tool(name, arguments, {})
        if result is None:
            return _failure(404, "not_found", f"Tool {name} not found")
        if result["isError"]:
            return _failure(422, "tool_error", result["content"][0]["text"])
        return JSONResponse(result)

    async def _mcp(self, request: Request) -> Response:
        made = self._of(request)
        if made is None:
            return _failure(404, "not_found", "Connection not found")
        if request.method == "POST":
            refused = _not_ready(self._status(made))
            if refused is not None:
                return refused
        query = dict(parse_qsl(urlsplit(made["mcpUrl"]).query))
        return await mcp_remote.serve_mcp(request, title=made["name"], settings=query)

    def _shown(self, made: dict[str, Any]) -> dict[str, Any]:
        row = {key: value for key, value in made.items() if key != "headers"}  # headers are write-only
        return {**row, "serverInfo": {"name": made["name"], "version": "2.1.0"}, "status": self._status(made)}

    def _status(self, made: dict[str, Any]) -> dict[str, Any]:
        states, server = self._settings.get("states", {}), _server_of(made)
        told = states.get(made["connectionId"]) or states.get(server.name if server is not None else "")
        return dict(told) if told else _usual_status(made, server)

    def _of(self, request: Request) -> dict[str, Any] | None:
        return self._made.get((request.path_params["ns"], request.path_params["connection"]))


def _described(name: str) -> Response:
    exact = [tool for tool in mcp_remote.TOOLS if tool["name"] == name]
    if exact:
        return JSONResponse(exact[0])
    inside = [tool for tool in mcp_remote.TOOLS if tool["name"].startswith(name + ".")]
    return JSONResponse({"tools": inside}) if inside else _failure(404, "not_found", f"Tool {name} not found")


def _address(body: Any) -> str | None:
    match body:
        case {"server": str() as name}:
            return f"https://server.smithery.ai/{name}"
        case {"mcpUrl": str() as url} if url.startswith(("https://", "http://")):
            return url
        case _:
            return None


def _server_of(made: dict[str, Any]) -> Server | None:
    path = urlsplit(made["mcpUrl"]).path.strip("/").removesuffix("/mcp").removeprefix("deployed/").removeprefix("@")
    return SERVERS.get(path)


def _not_ready(status: dict[str, Any]) -> Response | None:
    """How the MCP endpoint answers for a connection that cannot be used."""
    match status["state"]:
        case "auth_required":
            error = {"code": -32001, "message": "Authorization required"}
            return _rpc_failure(401, error, {"authorizationUrl": status.get("setupUrl")})
        case "input_required":
            error = {"code": -32002, "message": "Input required"}
            return _rpc_failure(409, error, {"http": status.get("http"), "missing": status.get("missing")})
        case "error":
            return _failure(502, "bad_gateway", status.get("message") or "the server does not answer")
        case _:
            return None


def _rpc_failure(status: int, error: dict[str, Any], data: dict[str, Any]) -> Response:
    return JSONResponse({"jsonrpc": "2.0", "id": None, "error": {**error, "data": data}}, status)


def _usual_status(made: dict[str, Any], server: Server | None) -> dict[str, Any]:
    if server is None:
        return {"state": "error", "message": "no server answers at that address"}
    if server.kind == "keyed" and "x-api-key" not in {key.lower() for key in made["headers"]}:
        wanted = {
            "headers": {"x-api-key": {"label": "API key", "required": True}},
            "query": {"units": {"label": "Units"}},
        }
        missing = {"headers": ["x-api-key"], "query": []}
        return {"state": "input_required", "setupUrl": "https://acme.example/setup", "http": wanted, "missing": missing}
    return {"state": "connected"}


def _wanted(made: dict[str, Any], request: Request) -> bool:
    query = request.query_params
    metadata = {key.removeprefix("metadata."): value for key, value in query.items() if key.startswith("metadata.")}
    same = all(made[key] == query[key] for key in ("name", "mcpUrl") if key in query)
    return same and all((made["metadata"] or {}).get(key) == value for key, value in metadata.items())


def is_within(policy: list[dict[str, Any]] | None, method: str, path: str) -> bool:
    """Whether a service token of this policy may send this request: one of its constraints has to allow it."""
    if policy is None:
        return True
    parts = path.removeprefix("/connect").strip("/").split("/")
    runs = method == "POST" and len(parts) > 2
    need = "read" if method == "GET" else "execute" if runs else "write"
    return any(
        parts[0] in _listed(one.get("namespaces")) and one.get("resources") == "connections"
        and need in _listed(one.get("operations"))
        for one in policy
    )  # fmt: skip


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _failure(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error": code, "message": message}, status)


async def _json(request: Request) -> Any:
    try:
        return json.loads(await request.body() or b"{}")
    except ValueError:
        return None
