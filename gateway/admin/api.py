"""/api/v1: every verb on HTTP, made from the one table of routes; errors are the object that the CLI prints too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route as HttpRoute
from starlette.types import ASGIApp

from gateway.admin.arguments import arguments
from gateway.admin.openapi import openapi
from gateway.admin.ports import Json, RunningVerbs
from gateway.admin.problems import describe, http_status
from gateway.admin.routes import PREFIX, ROUTES, Route
from gateway.admin.streaming import NDJSON, LineStream, Tell, internal_error
from gateway.admin.web.pages import ui_routes
from gateway.admin.web.session import UiKeys
from gateway.errors import GatewayError

Answer = Callable[[Request], Awaitable[Any]]


def build_admin(verbs: RunningVerbs, *, version: str, ui: UiKeys) -> ASGIApp:
    """Make the app that serves `/api/v1` and `/ui`; who may call is decided in front of it."""
    described = openapi(version)

    async def description(_request: Request) -> Response:
        return JSONResponse(described)

    routes = [HttpRoute(f"{PREFIX}/openapi.json", description)]
    routes += [HttpRoute(PREFIX + route.path, _answer(route, verbs), methods=[route.method]) for route in ROUTES]
    return Starlette(
        routes=[*routes, *ui_routes(verbs, ui)],
        exception_handlers={GatewayError: _on_our_error, HTTPException: _on_http_error},
    )


def _answer(route: Route, verbs: RunningVerbs) -> Answer:
    async def answer(request: Request) -> Any:
        given = arguments(
            route, path=request.path_params, query=request.query_params.multi_items(), body=await request.body()
        )
        if route.streams and NDJSON in request.headers.get("accept", ""):
            return await _stream(route, verbs, given)
        return JSONResponse(await _done(route, verbs, given))

    return answer


async def _done(route: Route, verbs: RunningVerbs, given: Json) -> Json:
    verb: Callable[..., Awaitable[Json]] = getattr(verbs, route.verb)
    try:
        return await verb(**given)
    except GatewayError:
        raise
    except Exception as exc:
        structlog.get_logger("admin").exception("request_failed", verb=route.verb)
        raise internal_error() from exc


async def _stream(route: Route, verbs: RunningVerbs, given: Json) -> LineStream:
    if route.verb == "logs":
        return await _stream_logs(verbs, given)

    async def work(tell: Tell) -> Json:
        verb: Callable[..., Awaitable[Json]] = getattr(verbs, route.verb)
        return await verb(**given, progress=lambda step: tell({"progress": step}))

    return LineStream(work)


async def _stream_logs(verbs: RunningVerbs, given: Json) -> LineStream:
    await verbs.logs(given["name"], lines=0)  # an unknown server is a plain 404, not the end of a stream

    async def work(_: Tell) -> Json:
        for line in (await verbs.logs(**given))["lines"]:
            await stream.put({"line": line})
        async for line in verbs.follow_logs(given["name"]):
            await stream.put({"line": line})  # a slow reader is told later what was left out, instead of missing it
        return {"server": given["name"]}

    stream = LineStream(work)
    return stream


def _error_response(error: GatewayError, status: int) -> Response:
    headers = {}
    wait_s = getattr(error, "retry_after_s", None)
    if wait_s is not None:
        headers["Retry-After"] = str(max(1, round(wait_s)))
    return JSONResponse(describe(error), status_code=status, headers=headers)


async def _on_our_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, GatewayError)  # noqa: S101 - what the table of handlers says
    return _error_response(error, http_status(error))


async def _on_http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    known = status == 405
    made = GatewayError(
        f"{request.method} is not for {request.url.path[:200]}" if known else f"nothing is at {request.url.path[:200]}",
        fix=f"See {PREFIX}/openapi.json for what there is.",
        code="method_not_allowed" if known else "not_found",
    )
    return _error_response(made, status)
