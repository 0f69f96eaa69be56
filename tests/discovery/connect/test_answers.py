"""Refusals of Connect, one by one."""

from __future__ import annotations

import pytest

from gateway.discovery.asking.replies import Reply
from gateway.discovery.connect.answers import (
    ConnectForbidden,
    ConnectionMismatch,
    ConnectRefused,
    refusal,
    said_in,
    words,
)
from gateway.errors import NotFound

SAID = b'{"error": "some_code", "message": "the \\u001b[31mmoon"}'


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, ConnectRefused), (403, ConnectForbidden), (404, NotFound), (409, ConnectionMismatch), (422, ConnectRefused)],
)
def test_each_refusal_names_the_thing_the_reason_and_the_fix(status: int, kind: type[Exception]) -> None:
    error = refusal(Reply(status, {}, SAID), "the connection wx")
    assert isinstance(error, kind)
    assert "the connection wx" in error.message
    assert "moon" in error.message
    assert "\x1b" not in error.message
    assert error.fix


@pytest.mark.parametrize("status", [401, 402, 408, 429, 500, 503, 302])
def test_the_rest_is_judged_as_any_registrys(status: int) -> None:
    assert refusal(Reply(status, {}, SAID), "x") is None


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": 3}', b'"x"'])
def test_an_answer_without_words_says_nothing(body: bytes) -> None:
    assert words(body) == ""
    error = refusal(Reply(400, {}, body), "it")
    assert error is not None
    assert "it says not why" in error.message


def test_the_code_is_told_where_there_is_no_message() -> None:
    assert said_in({"error": "validation_error"}) == "validation_error"
