"""Signed session ids."""

from __future__ import annotations

import string

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.endpoint.sessions import LIFE_S, Session, SessionSeal, trimmed_capabilities

SEAL = SessionSeal(b"k" * 32)
SESSION = Session("sid", 100.0, "2025-11-25", {"roots": {}}, "principal", "agent é", "run", 3)


def test_an_id_gives_back_its_session() -> None:
    assert SEAL.open(SEAL.seal(SESSION), 101.0) == SESSION


def test_an_id_is_visible_ascii() -> None:
    assert set(SEAL.seal(SESSION)) <= set(string.ascii_letters + string.digits + "._-")


def test_another_key_opens_nothing() -> None:
    assert SessionSeal(b"x" * 32).open(SEAL.seal(SESSION), 101.0) is None


def test_an_id_expires() -> None:
    text = SEAL.seal(SESSION)
    assert SEAL.open(text, 100.0 + LIFE_S - 1) is not None
    assert SEAL.open(text, 100.0 + LIFE_S) is None


@pytest.mark.parametrize("text", ["", "x", "g1.a.b", "g1..", "g1.é.b", "a" * 5000, "g2.x.y", "g1.a.b.c", "0" * 32])
def test_what_was_not_made_here_opens_nothing(text: str) -> None:
    assert SEAL.open(text, 101.0) is None


def test_a_signed_payload_that_is_no_session_opens_nothing() -> None:
    forged = SEAL.seal(SESSION).split(".")
    assert SEAL.open(".".join([forged[0], "AAAA", SEAL._signature("AAAA")]), 101.0) is None


@given(st.data())
def test_no_changed_character_goes_unnoticed(data: st.DataObject) -> None:
    text = SEAL.seal(SESSION)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from(string.ascii_letters + string.digits + "._-").filter(lambda c: c != text[at]))
    opened = SEAL.open(text[:at] + other + text[at + 1 :], 101.0)
    assert opened is None


def test_large_capabilities_are_reduced_to_their_names() -> None:
    large = {"experimental": {"x": "y" * 5000}, "sampling": {}}
    assert trimmed_capabilities(large) == {"experimental": {}, "sampling": {}}
    assert trimmed_capabilities({"roots": {"listChanged": True}}) == {"roots": {"listChanged": True}}
    assert len(msgspec.msgpack.encode(trimmed_capabilities({f"{i}" * 99: i for i in range(100)}))) < 2000
