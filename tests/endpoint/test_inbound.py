"""Bodies looked at before the SDK."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.endpoint.inbound import INVALID_REQUEST, MAX_DEPTH, PARSE_ERROR, NotAMessage, read_message, too_deep


def refusal(body: bytes) -> int:
    with pytest.raises(NotAMessage) as caught:
        read_message(body)
    return caught.value.code


def test_params_are_kept_as_they_came() -> None:
    inbound = read_message(b'{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":1e2,"b":{"c" : 1.0}}}')
    assert {key: bytes(raw) for key, raw in inbound.params.items()} == {"a": b"1e2", "b": b'{"c" : 1.0}'}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"nonsense", b'{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":NaN}}', b"\xff\xfe",
             b'{"jsonrpc":"2.0"} {}',
             b"[" * 100_000, b'{"a":' * 100_000, b'{"jsonrpc":"2.0","id":1,"method":"m\xff"}'],
)  # fmt: skip
def test_what_is_no_json_is_a_parse_error(body: bytes) -> None:
    assert refusal(body) == PARSE_ERROR


@pytest.mark.parametrize(
    "body",
    [b"[]", b"1", b'"x"', b"{}", b'{"jsonrpc":"1.0","id":1,"method":"m"}', b'{"jsonrpc":"2.0","id":1}',
     b'{"jsonrpc":"2.0","id":1,"method":7}', b'{"jsonrpc":"2.0","id":null,"method":"m"}',
     b'{"jsonrpc":"2.0","id":{},"method":"m"}', b'{"jsonrpc":"2.0","id":1.5,"method":"m"}',
     b'[{"jsonrpc":"2.0","id":1,"method":"m"}]'],
)  # fmt: skip
def test_what_is_no_message_is_an_invalid_request(body: bytes) -> None:
    assert refusal(body) == INVALID_REQUEST


@pytest.mark.parametrize("member", ["", ',"params":null', ',"params":{}'])
def test_params_may_be_missing(member: str) -> None:
    assert read_message(f'{{"jsonrpc":"2.0","id":1,"method":"m"{member}}}'.encode()).params == {}


def test_a_notification_has_no_id_and_an_answer_no_method() -> None:
    assert read_message(b'{"jsonrpc":"2.0","method":"m"}').id is None
    assert read_message(b'{"jsonrpc":"2.0","id":1,"result":{}}').method == ""


def test_brackets_inside_texts_do_not_nest() -> None:
    assert not too_deep(json.dumps({"a": "[" * 500, "b": '\\"[[[' * 100}).encode(), MAX_DEPTH)


def test_many_brackets_side_by_side_do_not_nest() -> None:
    assert not too_deep(json.dumps([[] for _ in range(1000)]).encode(), MAX_DEPTH)


@given(st.integers(1, 200))
def test_depth_is_counted_exactly(depth: int) -> None:
    assert too_deep(b"[" * depth + b"]" * depth, MAX_DEPTH) is (depth > MAX_DEPTH)


def test_a_request_whose_envelope_is_wrong_is_told_with_its_id() -> None:
    with pytest.raises(NotAMessage) as caught:
        read_message(b'{"jsonrpc":"2.0","id":"a7","method":"tools/call","params":[]}')
    assert (caught.value.code, caught.value.id) == (-32602, b'"a7"')
