"""Reading and writing JSON-RPC envelopes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol import envelope
from gateway.protocol.envelope import Failure, Noise, Notification, Request, Success, read
from gateway.protocol.framing import Overlong


def test_a_result_keeps_its_bytes() -> None:
    raw = b'{ "a" : 1.50, "b":[ ] , "\\u00e9":1e400 }'
    assert read(b'{"jsonrpc":"2.0","id":7,"result":' + raw + b"}") == Success(7, raw)


def test_an_error_is_read_and_its_data_kept_raw() -> None:
    line = b'{"jsonrpc":"2.0","id":"x","error":{"code":-32042,"message":"go there","data":{ "u":1}}}'
    assert read(line) == Failure("x", -32042, "go there", b'{ "u":1}')


def test_an_error_of_the_wrong_shape_is_still_an_error() -> None:
    assert read(b'{"id":1,"error":"nope"}') == Failure(1, -32603, "the server sent a malformed error", None)


def test_requests_and_notifications_are_told_apart() -> None:
    assert read(b'{"id":3,"method":"ping"}') == Request(3, "ping", None)
    assert read(b'{"method":"n","params":{"a":1}}') == Notification("n", b'{"a":1}')


@pytest.mark.parametrize(
    "line",
    [
        b"hello world",
        b"",
        b"\x00\x00",
        b"[" * 100_000,
        b'{"id":' + b"[" * 100_000,
        b'[{"jsonrpc":"2.0","id":1,"result":{}}]',
        b'{"id":1e400,"result":{}}',
        b'{"id":1.5,"result":{}}',
        b'{"id":true,"result":{}}',
        b'{"id":null,"error":{"code":1,"message":"x"}}',
        b'{"id":null,"method":"x"}',
        b'{"id":1}',
        b'{"jsonrpc":"2.0"}',
        b'{"id":1,"method":7}',
        b'"text"',
        b"\xff\xfe{}",
        b'{"id":1,"result":{"a":nope}}',
    ],
)
def test_hostile_lines_are_noise(line: bytes) -> None:
    assert isinstance(read(line), Noise)


@given(st.binary(max_size=200))
def test_no_bytes_whatever_raise(line: bytes) -> None:
    assert read(line) is not None


LEAVES = st.none() | st.booleans() | st.floats() | st.text()


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_no_json_whatever_raises(value: object) -> None:
    assert read(json.dumps(value).encode("utf-8", "surrogatepass")) is not None


def test_broken_utf8_in_an_answer_is_replaced_so_that_the_answer_arrives() -> None:
    got = read(b'{"id":1,"result":{"t":"caf\xe9"}}')
    assert got == Success(1, '{"t":"caf\ufffd"}'.encode())


@pytest.mark.parametrize(
    "line",
    [
        b'{"jsonrpc":"2.0","id":12,"result":{"content":[}}',
        b'{"id": 12, "result": [',
        b'{"result":{"a":[},"jsonrpc":"2.0","id":12}',
        b'{"result":{"a":[},"id":12,"jsonrpc":"2.0"}',
    ],
)
def test_a_broken_answer_tells_whom_it_was_for(line: bytes) -> None:
    assert read(line) == Noise("not a JSON-RPC message", 12)


def test_an_id_inside_the_payload_is_not_taken_for_the_answers() -> None:
    assert read(b'{"result":{"id":12,"result":[}}') == Noise("not a JSON-RPC message", None)


def test_a_skipped_line_tells_whom_it_was_for() -> None:
    why = "line over the size cap"
    assert read(Overlong(b'{"jsonrpc":"2.0","id":5,"result":{"x', b'xxx"}}')) == Noise(why, 5, too_long=True)
    assert read(Overlong(b'{"result":{"x', b'"},"jsonrpc":"2.0","id":6}')) == Noise(why, 6, too_long=True)


def test_what_is_written_is_read_back() -> None:
    assert read(envelope.request(1, "m", b'{"a":1}')) == Request(1, "m", b'{"a":1}')
    assert read(envelope.request("é", "m")) == Request("é", "m", None)
    assert read(envelope.notification("n", b"{}")) == Notification("n", b"{}")
    assert read(envelope.success(4, b"[]")) == Success(4, b"[]")
    assert read(envelope.failure(4, -1, "no")) == Failure(4, -1, "no", None)


def test_pretty_printed_params_are_written_on_one_line() -> None:
    line = envelope.request(1, "m", b'{\r\n  "a": "b\\n"\n}')
    assert b"\n" not in line
    assert json.loads(line)["params"] == {"a": "b\n"}


@pytest.mark.parametrize(
    ("spelled", "kept"),
    [
        (rb"cut \ud83d", rb"cut \ufffd"),
        (rb"\ude00 low", rb"\ufffd low"),
        (rb"\ud83d\ude00 \uD83D", rb"\ud83d\ude00 \ufffd"),
        (rb"\\ud83d is text, \ud83d is not", rb"\\ud83d is text, \ufffd is not"),
    ],
)
def test_half_a_surrogate_pair_does_not_cost_the_answer(spelled: bytes, kept: bytes) -> None:
    answer = envelope.read(b'{"jsonrpc":"2.0","id":1,"result":{"text":"%b"}}' % spelled)
    assert answer == envelope.Success(1, b'{"text":"%b"}' % kept)
