"""A stand-in for the official MCP registry (`/v0.1`, and its twin `/v0`), over real HTTP.

    python -m tests.standins.registry --port 18433

`/ctl/...` makes it misbehave: see faults.py. `/ctl/settings` understands

    {"published": [entry, ...]}   more entries ({"server", "_meta"}); one of the same name and version takes its place
    {"withdrawn": {name: time}}   servers that were deleted at that time (RFC 3339)
    {"problems": true}            errors in the other style: {"title", "status", "detail"}
"""

from __future__ import annotations

import argparse
import hashlib
from datetime import datetime
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import QueryParams
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


OLD = "2025.9.1"  # an older release of the time server
PUBLISHED, UPDATED = "2026-02-03T04:05:06Z", "2026-03-04T05:06:07Z"


def entry(server: dict[str, Any], **official: Any) -> dict[str, Any]:
    """An entry of the list: the server, and what the registry says of it."""
    states = {"io.github.acme/old-weather": "deprecated", "io.github.acme/gone": "deleted"}
    state = states.get(server["name"], "active")
    said = {"status": state, "publishedAt": PUBLISHED, "updatedAt": UPDATED, "statusChangedAt": UPDATED,
            "isLatest": True}  # fmt: skip
    if state == "deprecated":
        said["statusMessage"] = "use io.github.acme/weather"
    return {"server": server, "_meta": {_OFFICIAL: said | official}}


def published(name: str, version: str = "1.0.0", *, at: str = UPDATED, about: str = "New", **more: Any) -> Any:
    """An entry to put into the settings: an npm package of the same name."""
    package = _package("npm", name.rsplit("/", maxsplit=1)[-1], version)
    return entry(_server(name, version, about, packages=[package]), updatedAt=at, publishedAt=at, **more)


def _key(row: dict[str, Any]) -> str:
    return f"{row['server']['name']}:{row['server']['version']}"


def _official(row: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = row["_meta"][_OFFICIAL]
    return said


class _Registry:
    """The routes; `settings` are changed over `/ctl/settings`."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings

    def entries(self, origin: str) -> list[dict[str, Any]]:
        """All releases of all servers, by name and version."""
        known = servers(origin)
        rows = [entry(server) for server in known]
        old = {**known[0], "version": OLD, "packages": [_package("pypi", "mcp-server-time", OLD)]}
        rows.append(entry(old, isLatest=False, publishedAt="2025-09-01T00:00:00Z", updatedAt="2025-09-01T00:00:00Z"))
        by_key = {_key(row): row for row in rows} | {_key(row): row for row in self.settings.get("published", [])}
        return [self._as_it_is(row) for _, row in sorted(by_key.items())]

    def _as_it_is(self, row: dict[str, Any]) -> dict[str, Any]:
        at = self.settings.get("withdrawn", {}).get(row["server"]["name"])
        if at is None:
            return row
        changed = {"status": "deleted", "statusChangedAt": at, "updatedAt": at}
        return {**row, "_meta": {_OFFICIAL: _official(row) | changed}}

    def problem(self, status: int, title: str, detail: str) -> Response:
        """An error, in the style that the settings want."""
        if self.settings.get("problems") or status == 422:
            return JSONResponse({"title": title, "status": status, "detail": detail}, status)
        return JSONResponse({"error": detail}, status)

    async def list(self, request: Request) -> Response:
        """GET /v0.1/servers."""
        query = request.query_params
        limit = query.get("limit", "30")
        if not limit.isdigit() or not 1 <= int(limit) <= 100:
            return self.problem(422, "Unprocessable Entity", "limit must be 1..100")
        chosen = [row for row in self.entries(_origin(request)) if _is_wanted(row, query)]
        cursor = query.get("cursor")
        keys = [_key(row) for row in chosen]
        if cursor is not None and ":" not in cursor:
            return self.problem(400, "Bad Request", "Invalid cursor")
        start = sum(key <= cursor for key in keys) if cursor is not None else 0
        page = chosen[start : start + int(limit)]
        more = start + int(limit) < len(chosen)
        metadata: dict[str, Any] = {"count": len(page)} | ({"nextCursor": keys[start + int(limit) - 1]} if more else {})
        return JSONResponse({"servers": page, "metadata": metadata})

    async def versions(self, request: Request) -> Response:
        """GET /v0.1/servers/NAME/versions and .../versions/VERSION."""
        name, version = request.path_params["name"], request.path_params.get("version")
        with_deleted = request.query_params.get("include_deleted") == "true"
        found = [
            row for row in self.entries(_origin(request))
            if row["server"]["name"] == name and (with_deleted or _official(row)["status"] != "deleted")
        ]  # fmt: skip
        found.sort(key=lambda row: str(_official(row)["publishedAt"]), reverse=True)
        if version is None and found:
            return JSONResponse({"servers": found, "metadata": {"count": len(found)}})
        chosen = [
            row for row in found
            if version == row["server"]["version"] or (version == "latest" and _official(row)["isLatest"])
        ]  # fmt: skip
        return JSONResponse(chosen[0]) if chosen else self.problem(404, "Not Found", "Server not found")


def _is_wanted(row: dict[str, Any], query: QueryParams) -> bool:
    server, official = row["server"], _official(row)
    since, version = query.get("updated_since"), query.get("version")
    if official["status"] == "deleted" and query.get("include_deleted") != "true" and since is None:
        return False
    if since is not None and datetime.fromisoformat(official["updatedAt"]) <= datetime.fromisoformat(since):
        return False
    if version is not None and not (official["isLatest"] if version == "latest" else version == server["version"]):
        return False
    return query.get("search", "").lower() in f"{server['name']} {server['description']}".lower()


def _origin(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


async def _bundle(_: Request) -> Response:
    return Response(node_bundle(), media_type="application/zip")


def build() -> Controlled:
    """Build the app."""
    settings: dict[str, Any] = {}
    here = _Registry(settings)
    routes = [
        route
        for prefix in ("/v0.1", "/v0")
        for route in (
            Route(f"{prefix}/servers", here.list),
            Route(f"{prefix}/servers/{{name:path}}/versions/{{version}}", here.versions),
            Route(f"{prefix}/servers/{{name:path}}/versions", here.versions),
        )
    ]
    app = Starlette(routes=[*routes, Route("/files/echo.mcpb", _bundle)])
    app.router.redirect_slashes = False
    return Controlled(app, settings)


def main() -> None:
    """Serve on loopback until interrupted."""
    parser = argparse.ArgumentParser(description="A stand-in for the official MCP registry on loopback.")
    parser.add_argument("--port", type=int, default=18433)
    asked = parser.parse_args()
    uvicorn.run(build(), host="127.0.0.1", port=asked.port, log_level="warning", ws="none", lifespan="off")


if __name__ == "__main__":
    main()
