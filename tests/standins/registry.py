"""A stand-in for the official MCP registry (`/v0.1`, and its twin `/v0`), over real HTTP.

    python -m tests.standins.registry --port 18433

`/ctl/...` makes it misbehave: see faults.py.
"""

from __future__ import annotations

import argparse
import hashlib
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.standins.bundles import node_bundle
from tests.standins.faults import Controlled

_SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
_OFFICIAL = "io.modelcontextprotocol.registry/official"


def _package(kind: str, identifier: str, version: str | None, **more: Any) -> dict[str, Any]:
    stated = {"registryType": kind, "identifier": identifier, "transport": {"type": "stdio"}, **more}
    return stated if version is None else {**stated, "version": version}


def _server(name: str, version: str, description: str, **more: Any) -> dict[str, Any]:
    owner, _, slug = name.partition("/")
    where = {"url": f"https://github.com/{owner.removeprefix('io.github.')}/{slug}", "source": "github"}
    return {"$schema": _SCHEMA, "name": name, "title": slug.replace("-", " ").title(), "description": description,
            "version": version, "repository": where, **more}  # fmt: skip


def servers(origin: str) -> list[dict[str, Any]]:
    """All servers, latest versions; real small packages at exact versions, a bundle and a remote of our own."""
    digest = hashlib.sha256(node_bundle()).hexdigest()
    city = {"type": "positional", "valueHint": "folder", "isRequired": True, "default": "/tmp"}
    token = {"name": "Authorization", "value": "Bearer {token}", "isRequired": True, "isSecret": True,
             "variables": {"token": {"isSecret": True, "isRequired": True}}}  # fmt: skip
    host = origin.split("://", 1)[-1]
    return [
        _server("io.github.reference/time", "2026.6.4", "Time and time zones",
                packages=[_package("pypi", "mcp-server-time", "2026.6.4", packageArguments=[
                    {"type": "named", "name": "--local-timezone", "default": "UTC"}])]),
        _server("io.github.reference/everything", "2026.7.4", "Everything that a server may offer",
                packages=[_package("npm", "@modelcontextprotocol/server-everything", "2026.7.4", runtimeHint="npx")]),
        _server("io.github.reference/filesystem", "2026.7.10", "Files of one folder",
                packages=[_package("npm", "@modelcontextprotocol/server-filesystem", "2026.7.10",
                                   packageArguments=[city])]),
        _server("io.github.acme/echo", "1.0.0", "Says everything back, as a bundle with its digest",
                packages=[_package("mcpb", f"{origin}/files/echo.mcpb", None, fileSha256=digest)]),
        _server("io.github.acme/undigested", "1.0.0", "A bundle without its digest",
                packages=[_package("mcpb", f"{origin}/files/echo.mcpb", None)]),
        _server("example.acme/weather", "2.1.0", "Forecasts of every city, remote",
                remotes=[{"type": "streamable-http", "url": f"http://{host}/{{tenant}}/mcp", "headers": [token],
                          "variables": {"tenant": {"isRequired": True, "description": "Your tenant"}}}]),
        _server("io.github.acme/contained", "3.0.0", "A server in a container", packages=[
            _package("oci", "docker.io/acme/contained:3.0.0", None,
                     environmentVariables=[{"name": "ACME_KEY", "isRequired": True, "isSecret": True}])]),
        _server("io.github.acme/old-weather", "0.1.0", "Forecasts, no longer kept",
                packages=[_package("npm", "old-weather-mcp", "0.1.0")]),
        _server("io.github.acme/gone", "0.1.0", "Withdrawn", packages=[_package("npm", "gone-mcp", "0.1.0")]),
        *(_server(f"io.github.many/server-{n:02}", "1.0.0", f"One of many, number {n}",
                  packages=[_package("npm", f"many-server-{n:02}", "1.0.0")]) for n in range(1, 41)),
    ]  # fmt: skip


def _entry(server: dict[str, Any]) -> dict[str, Any]:
    states = {"io.github.acme/old-weather": "deprecated", "io.github.acme/gone": "deleted"}
    state = states.get(server["name"], "active")
    official = {"status": state, "publishedAt": "2026-02-03T04:05:06Z", "updatedAt": "2026-03-04T05:06:07Z",
                "statusChangedAt": "2026-03-04T05:06:07Z", "isLatest": True}  # fmt: skip
    if state == "deprecated":
        official["statusMessage"] = "use io.github.acme/weather"
    return {"server": server, "_meta": {_OFFICIAL: official}}


def _origin(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


async def _list(request: Request) -> Response:
    query = request.query_params
    limit = query.get("limit", "30")
    if not limit.isdigit() or not 1 <= int(limit) <= 100:
        return JSONResponse({"title": "Unprocessable Entity", "status": 422, "detail": "limit must be 1..100"}, 422)
    entries = [_entry(server) for server in servers(_origin(request))]
    with_deleted = query.get("include_deleted") == "true" or "updated_since" in query
    wanted = query.get("search", "").lower()
    chosen = [
        entry for entry in entries
        if wanted in f"{entry['server']['name']} {entry['server']['description']}".lower()
        and (with_deleted or entry["_meta"][_OFFICIAL]["status"] != "deleted")
    ]  # fmt: skip
    keys = [f"{entry['server']['name']}:{entry['server']['version']}" for entry in chosen]
    cursor = query.get("cursor")
    if cursor is not None and cursor not in keys:
        return JSONResponse({"error": "Invalid cursor"}, 400)
    start = keys.index(cursor) + 1 if cursor is not None else 0
    page = chosen[start : start + int(limit)]
    more = start + int(limit) < len(chosen)
    metadata: dict[str, Any] = {"count": len(page)} | ({"nextCursor": keys[start + int(limit) - 1]} if more else {})
    return JSONResponse({"servers": page, "metadata": metadata})


async def _versions(request: Request) -> Response:
    name, version = request.path_params["name"], request.path_params.get("version")
    found = [_entry(server) for server in servers(_origin(request)) if server["name"] == name]
    if version is None and found:
        return JSONResponse({"servers": found, "metadata": {"count": len(found)}})
    chosen = [entry for entry in found if version in {"latest", entry["server"]["version"]}]
    return JSONResponse(chosen[0]) if chosen else JSONResponse({"error": "Server not found"}, 404)


async def _bundle(_: Request) -> Response:
    return Response(node_bundle(), media_type="application/zip")


def build() -> Controlled:
    """Build the app."""
    routes = [
        route
        for prefix in ("/v0.1", "/v0")
        for route in (
            Route(f"{prefix}/servers", _list),
            Route(f"{prefix}/servers/{{name:path}}/versions/{{version}}", _versions),
            Route(f"{prefix}/servers/{{name:path}}/versions", _versions),
        )
    ]
    app = Starlette(routes=[*routes, Route("/files/echo.mcpb", _bundle)])
    app.router.redirect_slashes = False
    return Controlled(app, {})


def main() -> None:
    """Serve on loopback until interrupted."""
    parser = argparse.ArgumentParser(description="A stand-in for the official MCP registry on loopback.")
    parser.add_argument("--port", type=int, default=18433)
    asked = parser.parse_args()
    uvicorn.run(build(), host="127.0.0.1", port=asked.port, log_level="warning", ws="none", lifespan="off")


if __name__ == "__main__":
    main()
