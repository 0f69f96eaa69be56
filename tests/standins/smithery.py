"""A stand-in Smithery over real HTTP: registry, downloads, namespaces, tokens, Connect, remote MCP servers.

    python -m tests.standins.smithery --port 18431 [--key sk-good] [--anonymous]

The official clients accept it (tests/discovery/test_official_clients.py). `/ctl/...` makes it misbehave: see faults.py.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
from email.utils import formatdate
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.standins import mcp_remote
from tests.standins.bundles import node_bundle, python_bundle
from tests.standins.faults import Controlled
from tests.standins.listings import SERVERS, Server
from tests.standins.smithery_connect import Connect, is_within
from tests.standins.smithery_search import BadQueryError, search

KEY = "sk-good"
_OPEN = ("/health", "/deployed/", "/files/")  # no key is asked for here
_RELEASED = formatdate(1_770_000_000, usegmt=True)
_NAMESPACES = {"my-app": "me", "acme": "somebody", "widgets": "somebody"}


class Authorized:
    """ASGI middleware: 401 without a good bearer token. `Bearer` with no token is anonymous, as the CLI sends it."""

    def __init__(self, app: ASGIApp, *, tokens: dict[str, Any], settings: dict[str, Any]) -> None:
        self._app = app
        self._tokens = tokens
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or not."""
        if scope["type"] != "http" or self._may_pass(Request(scope)):
            await self._app(scope, receive, send)
        elif self._is_known(Request(scope)):
            body = {"error": "forbidden", "message": "This token may not do that"}
            await JSONResponse(body, 403)(scope, receive, send)
        else:
            body = {"error": "unauthorized", "message": "Invalid or missing API key"}
            await JSONResponse(body, 401, {"www-authenticate": "Bearer"})(scope, receive, send)

    def _may_pass(self, request: Request) -> bool:
        path = request.url.path
        if path.startswith(_OPEN):
            return True
        token = _token_of(request)
        if token:
            return self._is_known(request) and is_within(self._tokens[token], request.method, path)
        reads = request.method == "GET" and path.startswith("/servers") and not path.endswith("/download")
        return bool(self._settings["anonymous"]) and reads

    def _is_known(self, request: Request) -> bool:
        token = _token_of(request)
        return token in self._tokens and token not in self._settings.get("expired", ())


def _token_of(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer").strip()


class Smithery:
    """The registry's side of the stand-in."""

    def __init__(self, key: str, settings: dict[str, Any]) -> None:
        self.tokens: dict[str, Any] = {key: None}  # token to its policy; None: everything
        self.settings = settings
        self.namespaces = dict(_NAMESPACES)
        self._numbers = itertools.count(1)

    def routes(self) -> list[Route]:
        """Everything but Connect."""
        return [
            Route("/health", self._health),
            Route("/servers", self._search),
            Route("/servers/{name:path}", self._server, methods=["GET", "HEAD"]),
            Route("/files/{file}", self._file, methods=["GET", "HEAD"]),
            Route("/deployed/{name:path}", self._deployed, methods=["GET", "POST", "DELETE"]),
            Route("/namespaces", self._namespaces, methods=["GET", "POST"]),
            Route("/namespaces/{name}", self._namespace, methods=["PUT", "DELETE"]),
            Route("/tokens", self._token, methods=["POST"]),
        ]

    async def _health(self, _: Request) -> Response:
        return JSONResponse({"status": "ok", "timestamp": "2026-11-23T00:00:00.000Z"})

    async def _search(self, request: Request) -> Response:
        try:
            return JSONResponse(search(request.query_params, self.settings))
        except BadQueryError as error:
            return JSONResponse({"error": str(error)}, 422)

    async def _server(self, request: Request) -> Response:
        name = request.path_params["name"].rstrip("/")
        if name.endswith("/download"):
            return _bundle(request, SERVERS.get(name.removesuffix("/download")))
        server = SERVERS.get(name)
        if server is None:
            return JSONResponse({"error": "Server not found"}, 404)
        return _tagged(request, server.record(_origin(request)))

    async def _file(self, request: Request) -> Response:
        files = {server.name.replace("/", "-"): server for server in SERVERS.values() if server.kind == "absolute"}
        return _bundle(request, files.get(request.path_params["file"].removesuffix(".mcpb")))

    async def _deployed(self, request: Request) -> Response:
        server = SERVERS.get(request.path_params["name"].strip("/").removesuffix("/mcp"))
        if server is None or not server.is_remote:
            return JSONResponse({"error": "Server not found"}, 404)
        if server.kind == "keyed" and not request.headers.get("x-api-key"):
            return JSONResponse({"error": "unauthorized", "message": "x-api-key is missing"}, 401)
        return await mcp_remote.serve_mcp(request, title=server.name, settings=request.query_params)

    async def _namespaces(self, request: Request) -> Response:
        if request.method == "POST":
            name = f"made-{next(self._numbers)}"
            self.namespaces[name] = "me"
            return JSONResponse({"name": name, "createdAt": "2026-05-06T07:08:09.000Z"}, 201)
        public = {"q", "ownerId", "hasServers", "hasSkills"} & set(request.query_params)
        wanted = request.query_params.get("q", "")
        names = [name for name, owner in self.namespaces.items() if (public or owner == "me") and wanted in name]
        paging = {"currentPage": 1, "pageSize": 50, "totalPages": 1, "totalCount": len(names)}
        return JSONResponse({"namespaces": [{"name": name} for name in names], "pagination": paging})

    async def _namespace(self, request: Request) -> Response:
        name = request.path_params["name"]
        if self.namespaces.get(name, "me") != "me":
            return JSONResponse({"error": "Namespace is taken"}, 409)
        if request.method == "DELETE":
            known = self.namespaces.pop(name, None) is not None
            return JSONResponse({"name": name, "success": known}, 200 if known else 404)
        self.namespaces[name] = "me"
        return JSONResponse({"name": name, "createdAt": "2026-05-06T07:08:09.000Z"}, 201)

    async def _token(self, request: Request) -> Response:
        body = json.loads(await request.body() or b"{}")
        token = f"st-{next(self._numbers)}"
        self.tokens[token] = body.get("policy")
        return JSONResponse({"token": token, "expiresAt": self.settings.get("expiresAt", "2030-01-01T00:00:00.000Z")})


def _origin(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


def _tagged(request: Request, body: dict[str, Any]) -> Response:
    answer = JSONResponse(body)
    etag = f'"{hashlib.sha256(answer.body).hexdigest()[:16]}"'
    headers = {"etag": etag}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    answer.headers.update(headers)
    return answer


def _bundle(request: Request, server: Server | None) -> Response:
    if server is None or server.kind not in {"bundle", "absolute"}:
        return JSONResponse({"error": "No bundle found"}, 404)
    content = python_bundle() if server.runtime == "python" else node_bundle()
    etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    headers = {"etag": etag, "last-modified": _RELEASED, "content-length": str(len(content))}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"etag": etag, "last-modified": _RELEASED})
    return Response(b"" if request.method == "HEAD" else content, headers=headers, media_type="application/zip")


def build(key: str = KEY, *, anonymous: bool = False) -> Controlled:
    """Build the app; `anonymous`: whether reads without a key are answered."""
    settings: dict[str, Any] = {"anonymous": anonymous, "hostile": False}
    smithery = Smithery(key, settings)
    connect = Connect(smithery.namespaces, settings)
    routes = [*smithery.routes(), *connect.routes("/connect"), *connect.routes("")]
    middleware = [Middleware(Authorized, tokens=smithery.tokens, settings=settings)]
    app = Starlette(routes=routes, middleware=middleware)
    app.router.redirect_slashes = False
    return Controlled(app, settings)


def main() -> None:
    """Serve on loopback until interrupted."""
    parser = argparse.ArgumentParser(description="A stand-in Smithery on loopback.")
    parser.add_argument("--port", type=int, default=18431)
    parser.add_argument("--key", default=KEY, help="the API key that is accepted")
    parser.add_argument("--anonymous", action="store_true", help="answer reads without a key")
    asked = parser.parse_args()
    app = build(asked.key, anonymous=asked.anonymous)
    uvicorn.run(app, host="127.0.0.1", port=asked.port, log_level="warning", ws="none", lifespan="off")


if __name__ == "__main__":
    main()
