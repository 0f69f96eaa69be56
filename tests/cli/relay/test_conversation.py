"""What the relay remembers."""

from __future__ import annotations

import json
import socket

import pytest

from gateway.cli.relay.conversation import Conversation
from gateway.cli.relay.link import Hold
from gateway.cli.relay.wire import VERSION_KEY, Message, read_message


def request(request_id: object, *, modern: bool = False) -> Message:
    params = {"_meta": {VERSION_KEY: "2026-07-28"}} if modern else {}
    return read_message(json.dumps({"id": request_id, "method": "tools/list", "params": params}).encode())


def test_a_session_is_carried_once_it_is_open() -> None:
    talk = Conversation()
    before = talk.headers(request(1))
    talk.opened("s1", "2025-11-25")

    assert before == {}
    assert talk.headers(request(1)) == {"MCP-Protocol-Version": "2025-11-25", "Mcp-Session-Id": "s1"}
    assert talk.headers(read_message(b'{"id":1,"method":"initialize"}')) == {}


def test_a_modern_request_knows_no_session() -> None:
    talk = Conversation()
    talk.opened("s1", "2025-11-25")

    assert talk.headers(request(1, modern=True)) == {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list"}


def test_one_and_the_text_one_are_two_requests() -> None:
    talk = Conversation()
    talk.begin(request(1))
    talk.begin(request("1"))

    assert [talk.end(request(1)) is not None, talk.end(request(1)) is not None] == [True, False]
    assert talk.end(request("1")) is not None


@pytest.mark.parametrize("modern", [True, False])
def test_only_a_modern_request_is_withdrawn_by_its_connection(modern: bool) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        talk = Conversation()
        talk.begin(request(5, modern=modern))
        talk.hold(request(5, modern=modern), Hold(ours))
        withdrawn = talk.cancel(5)
        theirs.setblocking(False)
        is_cut = withdrawn and theirs.recv(1) == b""

    assert (withdrawn, is_cut) == (modern, modern)
    flight = talk.end(request(5, modern=modern))
    assert (flight is None) if modern else (flight is not None and flight.cancelled)


def test_a_request_that_was_withdrawn_before_it_was_sent_is_cut_when_it_gets_a_connection() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        talk = Conversation()
        talk.begin(request(5, modern=True))
        assert talk.cancel(5)
        talk.hold(request(5, modern=True), Hold(ours))
        theirs.setblocking(False)

        assert theirs.recv(1) == b""


def test_cancelling_what_is_not_there_changes_nothing() -> None:
    assert not Conversation().cancel(99)
