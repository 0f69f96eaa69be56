"""What was agreed with a remote server."""

from __future__ import annotations

import pytest

from gateway.errors import RemoteProtocolError
from gateway.protocol.handshake import Agreed, Era
from gateway.supervisor.talking.http.session import Session, session_id

LEGACY = Session(Agreed(Era.LEGACY, "2025-11-25", {}), "abc")
MODERN = Session(Agreed(Era.MODERN, "2026-07-28", {}))


def test_two_sessions_are_never_the_same_even_with_the_same_words() -> None:
    assert Session(LEGACY.agreed, "abc") != LEGACY


def test_only_what_began_with_initialize_can_be_forgotten() -> None:
    assert (LEGACY.is_legacy, MODERN.is_legacy, Session().is_legacy) == (True, False, False)
    assert (LEGACY.is_modern, MODERN.is_modern, Session().is_modern) == (False, True, False)


def test_params_are_stamped_for_a_modern_server_only_and_left_alone_in_the_handshake() -> None:
    params = b'{"name":"t","_meta":{"progressToken":"mine"}}'
    assert Session().prepared(params, b"{}", 4) == (params, None)
    ready, theirs = LEGACY.prepared(params, b"{}", 4)
    assert (theirs, b"protocolVersion" in ready) == (b'"mine"', False)
    ready, theirs = MODERN.prepared(params, b"{}", 4)
    assert (theirs, b"protocolVersion" in ready) == (b'"mine"', True)


@pytest.mark.parametrize("given", ["", "0", "a-b_c.d~", "x" * 1024])
def test_an_id_that_can_be_sent_back_is_taken(given: str) -> None:
    assert session_id("s", given) == given


@pytest.mark.parametrize("given", ["a b", "a\tb", "\u00e9", "x" * 1025])
def test_an_id_that_cannot_be_sent_back_is_refused(given: str) -> None:
    with pytest.raises(RemoteProtocolError, match="session id"):
        session_id("s", given)
