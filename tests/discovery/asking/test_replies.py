"""Judging a registry's answers."""

from __future__ import annotations

import pytest

from gateway.discovery.asking.replies import Reply, concerns_all, decode, failure, is_alive
from gateway.errors import DiscoveryError, GatewayError, NotFound, RegistryUnauthorized, RegistryUnavailable, Who


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
def test_each_status_is_an_error_of_its_kind(status: int, kind: type[GatewayError]) -> None:
    error = judged(status)
    assert type(error) is kind
    assert error.fix


@pytest.mark.parametrize(
    ("status", "who", "words"),
    [
        (400, Who.PERSON, "Change the question"), (401, Who.PERSON, "set a key"), (402, Who.OWNER, "must pay"),
        (403, Who.OWNER, "ask its owner"), (422, Who.PERSON, "Change the question"), (429, Who.NOBODY, "Try again"),
        (502, Who.REGISTRY, "operators must mend"), (301, Who.PERSON, "Set the base URL"),
    ],
)  # fmt: skip
def test_each_status_names_who_must_act_and_what_they_must_do(status: int, who: Who, words: str) -> None:
    error = judged(status)
    assert isinstance(error, DiscoveryError)
    assert error.who == who
    assert words in error.fix


def test_an_unpaid_account_has_a_code_of_its_own() -> None:
    assert judged(402).code == "payment_required"


@pytest.mark.parametrize(
    ("status", "alive", "all_questions"),
    [(404, True, False), (422, True, False), (401, True, False), (429, False, True), (500, False, False),
     (503, False, True), (302, False, True), (408, False, False), (409, False, False)],
)  # fmt: skip
def test_a_status_says_whether_the_registry_lives_and_whom_its_trouble_concerns(
    status: int, alive: bool, all_questions: bool
) -> None:
    assert (is_alive(status), concerns_all(status)) == (alive, all_questions)


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


def test_half_a_character_in_one_entry_does_not_cost_the_page() -> None:
    assert decode(b'{"servers": [{"a": "x\\ud800y"}, {"b": 1}]}', "X") == {"servers": [{"a": "x?y"}, {"b": 1}]}
    with pytest.raises(RegistryUnavailable):
        decode(b'{"a": NaN}', "X")
