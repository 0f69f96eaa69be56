from __future__ import annotations

import httpx
import pytest
from starlette.responses import PlainTextResponse

from gateway.daemon.http import Router, listen
from gateway.errors import GatewayError


async def ask(path: str) -> httpx.Response:
    router = Router({"/mcp": PlainTextResponse("mcp"), "/mcp/p": PlainTextResponse("profile")})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(router), base_url="http://gateway") as client:
        return await client.get(path)


async def test_the_longest_prefix_wins() -> None:
    assert (await ask("/mcp/p/small")).text == "profile"
    assert (await ask("/mcp")).text == "mcp"


async def test_a_prefix_ends_at_a_slash() -> None:
    assert (await ask("/mcpx")).status_code == 404


async def test_the_root_leads_to_the_dashboard() -> None:
    assert (await ask("/")).headers["location"] == "/ui"


async def test_an_unknown_path_says_where_to_look() -> None:
    assert "/mcp" in (await ask("/nowhere")).json()["error"]["fix"]


def test_a_taken_port_is_a_clear_error() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(GatewayError) as caught:
        listen("127.0.0.1", taken.getsockname()[1])
    assert "--port" in caught.value.fix
