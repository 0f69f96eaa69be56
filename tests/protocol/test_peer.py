"""One stdio connection, without the stdio."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.errors import LocalProtocolError
from gateway.protocol import codes, envelope, meta
from gateway.protocol.framing import LINE_CAP
from gateway.protocol.peer import MAX_ID_CHARS, METHOD_CHARS, Answered, Asked, Late, Noise, Notified, Peer, Progress


def sent(data: bytes) -> dict[str, Any]:
    assert data.endswith(b"\n")
    return dict(json.loads(data))


def test_an_answer_comes_back_to_its_token_with_its_bytes() -> None:
    peer: Peer[str] = Peer()
    wire_id, data = peer.call("who", "tools/call", b'{"name":"t"}')
    assert sent(data) == {"jsonrpc": "2.0", "id": wire_id, "method": "tools/call", "params": {"name": "t"}}
    events = peer.receive_data(b'{"jsonrpc":"2.0","id":%d,"result":{ "x":1.0 }}\n' % wire_id)
    assert events == [Answered("who", envelope.Success(wire_id, b'{ "x":1.0 }'))]


def test_an_error_answer_comes_back_too() -> None:
    peer: Peer[str] = Peer()
    wire_id, _ = peer.call("who", "m", b"{}")
    events = peer.receive_data(b'{"id":%d,"error":{"code":5,"message":"no"}}\n' % wire_id)
    assert events == [Answered("who", envelope.Failure(wire_id, 5, "no", None))]


def test_progress_is_given_back_with_the_callers_own_token() -> None:
    peer: Peer[str] = Peer()
    wire_id, data = peer.call("who", "tools/call", b'{"_meta":{"progressToken":"theirs"}}', track=True)
    assert sent(data)["params"]["_meta"] == {"progressToken": wire_id}
    line = b'{"method":"notifications/progress","params":{"progressToken":%d,"progress":1}}\n' % wire_id
    assert peer.receive_data(line) == [Progress("who", b'{"progressToken":"theirs","progress":1}')]


def test_progress_of_a_silent_caller_is_still_a_sign_of_life() -> None:
    peer: Peer[str] = Peer()
    wire_id, _ = peer.call("who", "tools/call", b"{}", track=True)
    line = b'{"method":"notifications/progress","params":{"progressToken":%d,"progress":1}}\n' % wire_id
    assert peer.receive_data(line) == [Progress("who", None)]


def test_progress_after_the_answer_is_dropped() -> None:
    peer: Peer[str] = Peer()
    wire_id, _ = peer.call("who", "m", b"{}", track=True)
    peer.receive_data(b'{"id":%d,"result":{}}\n' % wire_id)
    assert peer.receive_data(b'{"method":"notifications/progress","params":{"progressToken":%d}}\n' % wire_id) == []


def test_cancelling_tells_the_child_and_the_late_answer_is_dropped() -> None:
    peer: Peer[str] = Peer()
    wire_id, _ = peer.call("who", "m", b"{}")
    told = peer.cancel(wire_id, "enough")
    assert told is not None
    assert sent(told)["params"] == {"requestId": wire_id, "reason": "enough"}
    assert peer.receive_data(b'{"id":%d,"result":{}}\n' % wire_id) == [Late(wire_id)]
    assert peer.stray_answers == 1


def test_second_answers_and_answers_to_unknown_ids_are_noise() -> None:
    peer: Peer[str] = Peer()
    wire_id, _ = peer.call("who", "m", b"{}")
    peer.receive_data(b'{"id":%d,"result":{}}\n' % wire_id)
    events = peer.receive_data(b'{"id":%d,"result":{}}\n{"id":99,"result":{}}\n' % wire_id)
    assert events == [Noise("an answer that nobody waits for")] * 2


def test_cancelling_an_answered_call_says_nothing() -> None:
    peer: Peer[str] = Peer()
    wire_id, _ = peer.call("who", "m", b"{}")
    peer.receive_data(b'{"id":%d,"result":{}}\n' % wire_id)
    assert peer.cancel(wire_id, "too late") is None


def test_a_childs_ping_is_answered_at_once_and_its_other_requests_are_refused() -> None:
    peer: Peer[str] = Peer()
    events = peer.receive_data(b'{"id":"a","method":"ping"}\n{"id":2,"method":"sampling/createMessage","params":{}}\n')
    assert events == [Asked("ping"), Asked("sampling/createMessage")]
    pong, refusal = (json.loads(line) for line in peer.data_to_send().splitlines())
    assert pong == {"jsonrpc": "2.0", "id": "a", "result": {}}
    assert (refusal["id"], refusal["error"]["code"]) == (2, codes.METHOD_NOT_FOUND)
    assert peer.data_to_send() == b""


def test_other_notifications_are_handed_on() -> None:
    assert Peer().receive_data(b'{"method":"notifications/tools/list_changed"}\n') == [
        Notified("notifications/tools/list_changed", None)
    ]


def test_a_stray_print_is_noise_with_its_words() -> None:
    assert Peer().receive_data(b"Welcome!\n\n") == [Noise("not a JSON-RPC message", "Welcome!")]


def test_noise_that_may_be_a_payload_keeps_its_words_to_itself() -> None:
    assert Peer().receive_data(b'{"secret":\n[1\n') == [Noise("not a JSON-RPC message"), Noise("a batch")]


def test_a_broken_answer_fails_its_call_at_once() -> None:
    peer: Peer[str] = Peer()
    wire_id, _ = peer.call("who", "m", b"{}")
    noise, answered = peer.receive_data(b'{"jsonrpc":"2.0","id":%d,"result":{]}\n' % wire_id)
    assert isinstance(noise, Noise)
    assert answered == Answered("who", envelope.Noise("not a JSON-RPC message", wire_id))


def test_an_overlong_answer_fails_its_call_and_the_next_one_arrives() -> None:
    peer: Peer[str] = Peer(line_cap=1000)
    first, _ = peer.call("one", "m", b"{}")
    second, _ = peer.call("two", "m", b"{}")
    data = b'{"jsonrpc":"2.0","id":%d,"result":"%s"}\n{"id":%d,"result":1}\n' % (first, b"x" * 2000, second)
    _, overlong, fine = peer.receive_data(data)
    assert overlong == Answered("one", envelope.Noise("line over the size cap", first, too_long=True))
    assert fine == Answered("two", envelope.Success(second, b"1"))


def test_after_a_modern_handshake_every_request_carries_the_stamp() -> None:
    peer: Peer[str] = Peer()
    peer.speak(meta.stamp_for("2026-07-28", b'{"name":"g"}'))
    _, data = peer.call("who", "tools/list", b"{}")
    assert sent(data)["params"]["_meta"][codes.META_VERSION] == "2026-07-28"


def test_at_the_end_everybody_who_waits_is_named() -> None:
    peer: Peer[str] = Peer()
    peer.call("a", "m", b"{}")
    peer.call("b", "m", b"{}")
    assert (peer.open_calls, peer.receive_eof(), peer.open_calls) == (2, ["a", "b"], 0)


def test_a_call_that_cannot_be_written_is_not_left_open() -> None:
    peer: Peer[str] = Peer()
    with pytest.raises(LocalProtocolError):
        peer.call("who", "m", b"[")
    assert peer.open_calls == 0


def test_the_cap_is_sixteen_mebibytes() -> None:
    assert LINE_CAP == 16 * 1024 * 1024


def test_a_reader_may_stop_in_the_middle_of_a_flood() -> None:
    peer: Peer[str] = Peer()
    events = peer.events(b"nonsense\n" * 1000)
    assert isinstance(next(events), Noise)
    events.close()
    assert [type(event) for event in peer.receive_data(b"more\n")] == [Noise]


def test_a_reply_is_not_made_large_by_what_it_repeats() -> None:
    peer: Peer[str] = Peer()
    (noise,) = peer.receive_data(b'{"id":"%s","method":"ping"}\n' % (b"x" * (MAX_ID_CHARS + 1)))
    assert noise == Noise(f"a request with an id of more than {MAX_ID_CHARS} characters")
    assert peer.data_to_send() == b""
    assert peer.receive_data(b'{"id":"%s","method":"ping"}\n' % (b"x" * MAX_ID_CHARS)) == [Asked("ping")]
    assert len(peer.data_to_send()) < MAX_ID_CHARS + 100
    peer.receive_data(b'{"id":1,"method":"%s"}\n' % (b"m" * 100_000))
    assert len(peer.data_to_send()) < METHOD_CHARS + 200
