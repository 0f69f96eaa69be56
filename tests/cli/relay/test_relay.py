"""The relay against an endpoint that answers exactly as it is told."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from tests.admin.threads import port_of, serving
from tests.cli.bridging import relaying
from tests.cli.servers import Scripted
from tests.e2e.harness import free_port

pytestmark = [pytest.mark.process, pytest.mark.timeout(60)]

RESEND_WORDS = ("timeout", "connection", "network", "temporary", "unavailable", "500", "502", "503", "504", "retry")
MODERN = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}


@pytest.fixture(name="scripted")
def _scripted() -> Iterator[tuple[str, Scripted]]:
    script = Scripted()
    with serving(script) as server:
        yield f"http://127.0.0.1:{port_of(server)}", script


def test_the_session_is_carried_and_ended(scripted: tuple[str, Scripted]) -> None:
    url, script = scripted
    with relaying(url) as bridge:
        bridge.open()
        bridge.ask(1, "tools/list")

    assert script.deleted.is_set()
    assert script.methods()[:2] == ["initialize", "notifications/initialized"]
    for method, headers, _ in script.seen[1:]:
        assert (headers["mcp-session-id"], headers["mcp-protocol-version"]) == ("session-1", "2025-11-25"), method
    assert "mcp-session-id" not in script.seen[0][1]


def test_a_session_that_the_gateway_forgot_is_opened_anew_unseen(scripted: tuple[str, Scripted]) -> None:
    url, script = scripted
    script.answers["tools/list"] = {"tools": []}
    with relaying(url) as bridge:
        bridge.open()
        bridge.ask(1, "ping")
        script.sessions.remove("session-1")
        script.sessions.add("another")
        answer = bridge.ask(2, "tools/list")

    assert answer["result"] == {"tools": []}
    assert script.methods().count("initialize") == 2


@pytest.mark.parametrize(
    ("line", "code"), [(b"{nonsense", -32700), (b"[1]", -32600), (b"[" * 100_000, -32700), (b"\xff\xfe", -32700)]
)
def test_a_line_that_is_no_message_is_answered_and_the_next_one_works(
    scripted: tuple[str, Scripted], line: bytes, code: int
) -> None:
    with relaying(scripted[0]) as bridge:
        bridge.send(line, b"")
        refused = bridge.next()
        answer = bridge.ask(1, "ping")

    assert (refused["error"]["code"], refused["id"]) == (code, None)
    assert answer["result"] == {}


def test_a_refusal_of_the_server_gets_the_id_of_its_request(scripted: tuple[str, Scripted]) -> None:
    url, script = scripted
    body = json.dumps({"jsonrpc": "2.0", "id": "server-error", "error": {"code": -32602, "message": "no such tool"}})
    script.answers["tools/call"] = Response(body, 400)
    with relaying(url) as bridge:
        answer = bridge.ask(7, "tools/call", name="x")

    assert answer == {"jsonrpc": "2.0", "id": 7, "error": {"code": -32602, "message": "no such tool"}}


@pytest.mark.parametrize("told", [Response(status_code=502), Response("<html>", 400), Response(b"", 200)])
def test_an_answer_that_is_none_becomes_an_error_without_the_words_on_which_calls_are_sent_again(
    scripted: tuple[str, Scripted], told: Response
) -> None:
    url, script = scripted
    script.answers["tools/call"] = told
    with relaying(url) as bridge:
        message = bridge.ask(1, "tools/call", name="x")["error"]["message"]

    assert [word for word in RESEND_WORDS if word in message.lower()] == []


def test_a_gateway_that_ended_is_an_error_and_one_that_came_back_answers() -> None:
    port, script = free_port(), Scripted()
    url = f"http://127.0.0.1:{port}"
    with contextlib.ExitStack() as stack:
        with serving(script, port):
            bridge = stack.enter_context(relaying(url, patience_s=0.5))
            bridge.open()
        gone = bridge.ask(1, "tools/call", name="x")
        with serving(script, port):
            back = bridge.ask(2, "ping")

    assert [word for word in RESEND_WORDS if word in gone["error"]["message"].lower()] == []
    assert "was not carried out" in gone["error"]["message"]
    assert back["result"] == {}
    assert script.methods().count("initialize") == 1


def test_a_request_waits_for_a_gateway_that_is_being_restarted() -> None:
    port, script = free_port(), Scripted()
    with contextlib.ExitStack() as stack:
        with serving(script, port):
            bridge = stack.enter_context(relaying(f"http://127.0.0.1:{port}", patience_s=20))
            bridge.open()
        bridge.send({"jsonrpc": "2.0", "id": 1, "method": "ping"})
        with serving(script, port):
            answer = bridge.next()

    assert answer == {"jsonrpc": "2.0", "id": 1, "result": {}}


def test_a_request_waits_for_a_gateway_that_turns_it_away_for_a_moment(scripted: tuple[str, Scripted]) -> None:
    url, script = scripted
    away = JSONResponse({"error": {"code": "stopping", "message": "stopping"}}, 503)
    with relaying(url) as bridge:
        bridge.open()
        script.answers["tools/list"] = away
        threading.Timer(0.6, script.answers.update, [{"tools/list": {"tools": []}}]).start()
        answer = bridge.ask(1, "tools/list")

    assert answer["result"] == {"tools": []}
    assert script.methods().count("tools/list") > 1


def test_a_gateway_that_turns_requests_away_for_long_is_an_error(scripted: tuple[str, Scripted]) -> None:
    url, script = scripted
    script.answers["tools/list"] = JSONResponse({"error": {"code": "stopping", "message": "stopping"}}, 503)
    with relaying(url, patience_s=0.3) as bridge:
        bridge.open()
        told = bridge.ask(1, "tools/list")["error"]["message"]

    assert "was not carried out" in told
    assert not [word for word in RESEND_WORDS if word in told.lower()]


def test_a_gateway_that_dies_during_a_call_leaves_nobody_waiting(scripted: tuple[str, Scripted]) -> None:
    url, script = scripted
    script.answers["tools/call"] = CutShort()
    with relaying(url) as bridge:
        answer = bridge.ask(1, "tools/call", name="x")

    assert "not known" in answer["error"]["message"]


class CutShort(Response):
    """Begins a stream of events and breaks off."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/event-stream"), (b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"data: {}\n\n", "more_body": True})
        raise ConnectionResetError


def test_a_modern_request_is_cancelled_by_closing_its_connection(scripted: tuple[str, Scripted]) -> None:
    url, script = scripted
    hanging = Hanging()
    script.answers["tools/call"] = hanging
    with relaying(url) as bridge:
        call = {"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": {"name": "x", "_meta": MODERN}}
        bridge.send(call)
        assert hanging.begun.wait(20)
        bridge.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 5}})
        assert hanging.left.wait(20)
        answer = bridge.ask(6, "ping")

    assert answer["id"] == 6
    assert "notifications/cancelled" not in script.methods()


class Hanging(Response):
    """Never answers; tells when it was asked and when the asker left."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()
        self.left = threading.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.begun.set()
        while (await receive())["type"] != "http.disconnect":
            continue
        self.left.set()
