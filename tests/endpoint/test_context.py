"""A request's values."""

from __future__ import annotations

import msgspec
import pytest

from gateway.endpoint.context import CallRequest, RequestContext, call_request
from gateway.model import Caller


def request(**members: bytes) -> CallRequest:
    return CallRequest("demo__x", {key: msgspec.Raw(raw) for key, raw in members.items()})


def test_the_child_gets_its_own_name_and_everything_else_as_it_came() -> None:
    made = request(name=b'"demo__x"', arguments=b'{"a" : 1e2}', other=b"[1.0]").for_child("x")
    assert made == b'{"name":"x","arguments":{"a" : 1e2},"other":[1.0]}'


def test_the_progress_token_goes_along() -> None:
    made = request(name=b'"demo__x"', _meta=b'{"progressToken":1,"io.modelcontextprotocol/clientInfo":{}}').for_child(
        "x"
    )
    assert made == b'{"name":"x","_meta":{"progressToken":1}}'


@pytest.mark.parametrize("raw", [b"null", b""])
def test_missing_arguments_count_as_none(raw: bytes) -> None:
    assert request().arguments == b"{}"
    assert request(arguments=raw).arguments == b"{}"


def test_a_call_of_our_own_making_looks_like_any_other() -> None:
    assert call_request("demo__x", b'{"a":1}').for_child("x") == b'{"name":"x","arguments":{"a":1}}'


def test_decisions_count_per_session_or_per_caller() -> None:
    caller = Caller("p", "a", "r")
    assert RequestContext(caller).key == caller.key
    assert RequestContext(caller, sid="s").key != caller.key
