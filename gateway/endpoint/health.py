"""/healthz, /readyz and /metrics. Liveness depends on nothing; details are for administrators."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Scope

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the gateway is ready, and for administrators what is missing."""

    ready: bool
    details: Mapping[str, Any] = field(default_factory=dict)


def health_routes(
    readiness: Callable[[], Readiness], metrics: Callable[[], Awaitable[bytes]], is_admin: Callable[[Scope], bool]
) -> list[Route]:
    """The three routes, to be mounted at the root."""

    async def healthz(_: Request) -> Response:
        return JSONResponse({"alive": True})

    async def readyz(request: Request) -> Response:
        state = readiness()
        body: dict[str, Any] = {"ready": state.ready}
        if is_admin(request.scope):
            body |= state.details
        return JSONResponse(body, status_code=200 if state.ready else 503)

    async def exposition(_: Request) -> Response:
        return Response(await metrics(), media_type=METRICS_TYPE)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", exposition)]
