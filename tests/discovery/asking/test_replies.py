"""Judging a registry's answers."""

from __future__ import annotations

import pytest

from gateway.discovery.asking.replies import Reply, decode, failure
from gateway.errors import DiscoveryError, GatewayError, NotFound, RegistryUnauthorized, RegistryUnavailable


def judged(status: int, body: bytes = b"") -> GatewayError:
    """The error that an answer means."""
    return failure(Reply(status, {}, body), "Smithery", what="acme/echo", key_fix="set a key")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, DiscoveryError), (422, DiscoveryError), (402, DiscoveryError), (401, RegistryUnauthorized),
        (403, RegistryUnauthorized), (404, NotFound), (408, RegistryUnavailable), (409, RegistryUnavailable),
        (429, RegistryUnavailable), (500, RegistryUnavailable), (599, RegistryUnavailable), (302, RegistryUnavailable),
    ],
)  # fmt: skip
def test_each_status_names_who_must_act(status: int, kind: type[GatewayError]) -> None:
    error = judged(status)
    assert type(error) is kind
    assert error.fix


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":"too much"}',
        b'{"error":"code","message":"too much"}',
        b'{"title":"T","status":422,"detail":"too much"}',
    ],
)
def test_the_registrys_own_words_are_passed_on(body: bytes) -> None:
    assert judged(422, body).message == "Smithery answered 422 Unprocessable Entity: too much (asked for acme/echo)"


@pytest.mark.parametrize("body", [b"<html>", b"", b"[1]", b'{"error": 5}', b"[" * 100_000])
def test_a_body_that_says_nothing_is_left_out(body: bytes) -> None:
    assert judged(503, body).message == "Smithery answered 503 Service Unavailable"


def test_a_registry_cannot_write_into_our_terminal() -> None:
    assert judged(500, b'{"error":"\\u001b[2Jgone\\u202e"}').message.endswith(": [2Jgone")


@pytest.mark.parametrize(
    ("body", "words"),
    [(b"  <!DOCTYPE html>", "a web page"), (b'{"servers": [{"qua', "not JSON"), (b"", "not JSON"),
     (b"\xff\xfe", "not JSON"), (b"[" * 100_000, "not JSON")],
)  # fmt: skip
def test_what_is_not_json_is_said_in_one_line(body: bytes, words: str) -> None:
    with pytest.raises(RegistryUnavailable, match=words):
        decode(body, "Smithery")


def test_json_is_decoded() -> None:
    assert decode(b'{"a":[1]}', "Smithery") == {"a": [1]}
