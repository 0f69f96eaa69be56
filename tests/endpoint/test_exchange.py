"""Stand-ins for raw JSON, and their exchange."""

from __future__ import annotations

import json

from gateway.endpoint.exchange import Exchange
from gateway.model import Caller


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def test_each_stand_in_is_exchanged_for_its_own_bytes() -> None:
    exchange = Exchange(Caller("p"))
    one, two = exchange.stand_in(b'{"n":1.00}'), exchange.stand_in(b"[1e2]")
    body = compact({"b": two, "a": one, "again": two})
    assert exchange.fill(body) == b'{"b":[1e2],"a":{"n":1.00},"again":[1e2]}'


def test_a_body_without_stand_ins_is_left_alone() -> None:
    body = compact({"gateway:x": 0, "text": '{"gateway:":0}'})
    assert Exchange(Caller("p")).fill(body) == body


def test_what_is_put_in_is_not_looked_at_again() -> None:
    exchange = Exchange(Caller("p"))
    inner = exchange.stand_in(b"1")
    outer = exchange.stand_in(compact(inner))
    assert exchange.fill(compact(outer)) == compact(inner)


def test_marks_differ_between_exchanges() -> None:
    assert Exchange(Caller("p")).mark != Exchange(Caller("p")).mark


def test_line_ends_between_tokens_become_blanks() -> None:
    exchange = Exchange(Caller("p"))
    assert exchange.fill(compact(exchange.stand_in(b"{\r\n}"))) == b"{  }"
