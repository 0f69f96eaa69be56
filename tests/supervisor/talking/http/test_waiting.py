"""Refusals that a person can lift."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.supervisor.talking.http.waiting import why_waiting


def body(code: int, **data: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": "m", "data": data}}).encode()


def test_a_wanted_sign_in_is_told_with_its_address() -> None:
    said = why_waiting(401, body(-32001, authorizationUrl="https://smithery.example/in?x=1"))
    assert said == "it wants somebody to sign in: open https://smithery.example/in?x=1 in a browser"


@pytest.mark.parametrize(
    "url",
    [
        None,
        7,
        "http://plain.example",
        "javascript:alert(1)",
        "https://",
        "https://a@b.example",
        "https://e.example/\u202e",
    ],
)
def test_an_address_that_nobody_should_open_is_not_told(url: object) -> None:
    assert why_waiting(401, body(-32001, authorizationUrl=url)) == "it wants somebody to sign in"


def test_missing_values_are_named() -> None:
    said = why_waiting(409, body(-32002, missing={"headers": ["x-api-key", 3], "query": ["units"]}))
    assert said == "it wants values that it does not have: x-api-key, units"


def test_missing_values_without_names_are_told_all_the_same() -> None:
    assert why_waiting(409, body(-32002, missing=None)) == "it wants more values"


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (200, body(-32001)), (404, body(-32001)), (401, body(-32002)), (409, body(-32001)), (401, b"<html>"),
        (401, b"[]"), (401, b'{"error": "unauthorized"}'), (409, b'{"error": {"code": "x"}}'), (401, b""),
    ],
)  # fmt: skip
def test_any_other_answer_is_not_taken_for_one(status: int, content: bytes) -> None:
    assert why_waiting(status, content) is None
