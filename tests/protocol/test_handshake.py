"""Which era and revision the other side speaks."""

from __future__ import annotations

import json

import pytest

from gateway.protocol import codes
from gateway.protocol.handshake import Agreed, Ask, Era, Handshake, Refused

CLIENT = b'{"name":"mcp-gateway","version":"1"}'
MODERN = json.dumps(
    {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, "instructions": "hi",
     "_meta": {codes.META_SERVER: {"name": "s", "title": "S"}}}
).encode()  # fmt: skip
LEGACY = json.dumps(
    {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "old", "version": "1"}}
).encode()


def asked(step: object) -> str:
    assert isinstance(step, Ask)
    return step.method


def test_discovery_is_asked_first_with_the_modern_stamp() -> None:
    step = Handshake(CLIENT).start()
    assert isinstance(step, Ask)
    assert (step.method, step.is_probe) == ("server/discover", True)
    assert json.loads(step.params)["_meta"] == {
        codes.META_VERSION: "2026-07-28", codes.META_CAPABILITIES: {}, codes.META_CLIENT: json.loads(CLIENT),
    }  # fmt: skip


def test_a_modern_server_is_agreed_with_at_once() -> None:
    handshake = Handshake(CLIENT)
    handshake.start()
    assert handshake.answered(MODERN) == Agreed(Era.MODERN, "2026-07-28", {"tools": {}}, "hi", "S")


def test_any_error_leads_to_initialize() -> None:
    handshake = Handshake(CLIENT)
    handshake.start()
    step = handshake.failed("whatever")
    assert isinstance(step, Ask)
    assert json.loads(step.params) == {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": json.loads(CLIENT),
    }  # fmt: skip
    assert handshake.answered(LEGACY) == Agreed(Era.LEGACY, "2025-06-18", {"tools": {}}, "", "old")


USELESS = [b'{"supportedVersions":["2099-01-01"],"capabilities":{}}', b"[]", b"{}", b'{"supportedVersions":7}']


@pytest.mark.parametrize("answer", USELESS)
def test_a_useless_discovery_leads_to_initialize(answer: bytes) -> None:
    handshake = Handshake(CLIENT)
    handshake.start()
    assert asked(handshake.answered(answer)) == "initialize"


@pytest.mark.parametrize("revision", codes.LEGACY_REVISIONS)
def test_every_legacy_revision_is_spoken(revision: str) -> None:
    handshake = Handshake(CLIENT, probe=False)
    assert asked(handshake.start()) == "initialize"
    agreed = handshake.answered(json.dumps({"protocolVersion": revision}).encode())
    assert isinstance(agreed, Agreed)
    assert agreed.revision == revision


def test_an_unknown_revision_is_refused() -> None:
    handshake = Handshake(CLIENT, probe=False)
    handshake.start()
    refused = handshake.answered(b'{"protocolVersion":"1999-01-01"}')
    assert isinstance(refused, Refused)
    assert "1999-01-01" in refused.reason


def test_a_refused_initialize_is_the_end() -> None:
    handshake = Handshake(CLIENT)
    handshake.start()
    handshake.failed("no")
    assert handshake.failed("not today") == Refused("initialize: not today")


def test_a_slow_modern_server_that_refuses_initialize_is_asked_once_more() -> None:
    handshake = Handshake(CLIENT)
    handshake.start()
    assert asked(handshake.timed_out()) == "initialize"
    assert asked(handshake.failed("locked to the modern era")) == "server/discover"
    assert isinstance(handshake.answered(MODERN), Agreed)


def test_a_second_failed_discovery_is_the_end() -> None:
    handshake = Handshake(CLIENT)
    handshake.start()
    handshake.timed_out()
    handshake.failed("no")
    assert isinstance(handshake.failed("no"), Refused)


def test_a_silent_probe_that_was_answered_by_initialize_is_legacy() -> None:
    handshake = Handshake(CLIENT)
    handshake.start()
    handshake.timed_out()
    agreed = handshake.answered(LEGACY)
    assert isinstance(agreed, Agreed)
    assert agreed.era is Era.LEGACY


def test_a_malformed_answer_to_initialize_is_refused() -> None:
    handshake = Handshake(CLIENT, probe=False)
    handshake.start()
    assert isinstance(handshake.answered(b'{"capabilities":[]}'), Refused)


def test_odd_server_info_is_no_title() -> None:
    handshake = Handshake(CLIENT, probe=False)
    handshake.start()
    agreed = handshake.answered(b'{"protocolVersion":"2025-11-25","serverInfo":{"name":7}}')
    assert isinstance(agreed, Agreed)
    assert agreed.title == ""
