"""/healthz, /readyz, /metrics."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette

from gateway.endpoint.health import Readiness, health_routes


async def metrics() -> bytes:
    return b"metric 1\n"


def http(state: Readiness, *, admin: bool) -> httpx.AsyncClient:
    app = Starlette(routes=health_routes(lambda: state, metrics, lambda _: admin))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")


async def test_liveness_depends_on_nothing() -> None:
    assert (await http(Readiness(False), admin=False).get("/healthz")).status_code == 200


@pytest.mark.parametrize(("ready", "status"), [(True, 200), (False, 503)])
async def test_readiness_is_a_status(ready: bool, status: int) -> None:
    answer = await http(Readiness(ready), admin=False).get("/readyz")
    assert (answer.status_code, answer.json()) == (status, {"ready": ready})


async def test_details_are_for_administrators() -> None:
    state = Readiness(False, {"waiting_for": ["git"]})
    assert (await http(state, admin=True).get("/readyz")).json() == {"ready": False, "waiting_for": ["git"]}
    assert "git" not in (await http(state, admin=False).get("/readyz")).text


async def test_metrics_are_text() -> None:
    answer = await http(Readiness(True), admin=False).get("/metrics")
    assert answer.text == "metric 1\n"
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
