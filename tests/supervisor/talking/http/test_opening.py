"""The handshake with a remote server: what each refusal leads to."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from gateway.errors import ChildGone, HandshakeFailed, SpawnFailed
from gateway.model import RemoteLaunch, ServerName
from gateway.protocol.handshake import Era
from gateway.supervisor.talking.http.access import Access
from gateway.supervisor.talking.http.opening import Opening, TurnedAway
from gateway.supervisor.talking.http.posting import Call, Poster
from gateway.supervisor.talking.http.session import Session
from gateway.supervisor.talking.http.wire import Wire
from tests.supervisor.talking.http.scripts import Answer, Scripted, result

FAR = ServerName("far")
LAUNCH = RemoteLaunch("https://far.example/mcp", {"Authorization": "Bearer ${secret:TOKEN}"})
INITIALIZED = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "far", "version": "1"}}
DISCOVERED = {"supportedVersions": ["2026-07-28"], "capabilities": {}}


async def shaken(answer: Answer, *, probe: bool = True) -> Session:
    wire = Wire(FAR, Access(LAUNCH.url, {}), lambda: Scripted(answer))
    poster = Poster(FAR, b"{}", on_noise=lambda: None)

    async def send(call: Call) -> bytes:
        return await poster.post(wire, call, Session())

    return await Opening(FAR, LAUNCH, b'{"name":"us","version":"1"}', send, 5.0, probe=probe).shake()


def refuses(status: int, *methods: str, **headers: str) -> Answer:
    """Refuses these methods (all, if none is named), and answers the others as an older server."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def answer(message: dict[str, Any]) -> httpx.Response:
        if not methods or message["method"] in methods:
            return httpx.Response(status, headers=named)
        return result(message, INITIALIZED, mcp_session_id="s1")

    return answer


async def test_a_modern_server_agrees_at_the_probe() -> None:
    session = await shaken(lambda message: result(message, DISCOVERED))
    assert session.agreed is not None
    assert (session.agreed.era, session.id) == (Era.MODERN, "")


@pytest.mark.parametrize("status", [400, 404, 405, 415, 500])
async def test_a_refused_probe_is_an_answer_and_the_older_handshake_follows(status: int) -> None:
    session = await shaken(refuses(status, "server/discover"))
    assert (session.is_legacy, session.id) == (True, "s1")


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_credentials_end_the_attempt_with_the_secret_to_set(status: int) -> None:
    with pytest.raises(SpawnFailed, match=f"HTTP {status}") as caught:
        await shaken(refuses(status))
    assert "mcp-gateway secret set far TOKEN" in caught.value.fix


async def test_a_server_without_room_is_left_alone_as_long_as_it_asks() -> None:
    with pytest.raises(TurnedAway, match="HTTP 503 to server/discover; it is to be left alone for 30 s") as caught:
        await shaken(refuses(503, retry_after="30"))
    assert (caught.value.retry_after_s, caught.value.ran) == (30.0, False)
    assert isinstance(caught.value, ChildGone)


async def test_a_place_that_is_no_server_is_named() -> None:
    with pytest.raises(HandshakeFailed, match="HTTP 404 to initialize") as caught:
        await shaken(refuses(404))
    assert caught.value.fix == "Check that its URL is an MCP endpoint."


async def test_a_sign_in_is_asked_for_by_its_address() -> None:
    error = {"code": -32001, "message": "m", "data": {"authorizationUrl": "https://in.example/x"}}
    with pytest.raises(SpawnFailed, match=r"open https://in\.example/x in a browser") as caught:
        await shaken(lambda _: httpx.Response(401, json={"jsonrpc": "2.0", "id": None, "error": error}))
    assert caught.value.fix == "Then start it again: mcp-gateway restart far"
