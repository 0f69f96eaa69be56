"""Errors for answers that are no results."""

from __future__ import annotations

import json

from gateway.errors import AnswerTooLarge, RemoteProtocolError, RpcError
from gateway.protocol.envelope import Failure, Noise, Request
from gateway.supervisor.talking.outcomes import answer_to, as_error


def test_each_kind_of_answer_has_its_error() -> None:
    failure = as_error("s", Failure(1, -5, "no", b"[1]"))
    assert isinstance(failure, RpcError)
    assert (failure.rpc_code, failure.message, failure.data) == (-5, "no", b"[1]")
    assert isinstance(as_error("s", Noise("line over the size cap", 1, too_long=True)), AnswerTooLarge)
    assert isinstance(as_error("s", Noise("not a JSON-RPC message", 1)), RemoteProtocolError)


def test_a_ping_is_answered_and_the_rest_refused() -> None:
    assert json.loads(answer_to(Request("a", "ping", None)))["result"] == {}
    assert json.loads(answer_to(Request(1, "roots/list", None)))["error"]["code"] == -32601
