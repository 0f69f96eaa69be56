"""Carrying a handshake out."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest

from gateway.errors import CallTimeout, ChildGone, HandshakeFailed, RemoteProtocolError, RpcError
from gateway.protocol.handshake import Agreed, Era, Handshake
from gateway.supervisor.talking.shaking import PROBE_TIMEOUT_S, client_info, shake_hands

LEGACY = b'{"protocolVersion":"2025-06-18","capabilities":{}}'
MODERN = b'{"supportedVersions":["2026-07-28"],"capabilities":{}}'


class Asked:
    """Answers in turn, and remembers what was asked with which deadline."""

    def __init__(self, *answers: bytes | Exception) -> None:
        self.answers = list(answers)
        self.seen: list[tuple[str, float, bool]] = []

    def __call__(self, method: str, params: bytes, *, timeout_s: float, may_cancel: bool) -> Awaitable[bytes]:
        self.seen.append((method, timeout_s, may_cancel))
        return self._answer(self.answers.pop(0))

    async def _answer(self, answer: bytes | Exception) -> bytes:
        if isinstance(answer, Exception):
            raise answer
        return answer


async def shake(asked: Asked) -> Agreed:
    return await shake_hands("s", Handshake(client_info("1")), asked, timeout_s=60)


async def test_the_probe_has_its_own_short_deadline_and_nothing_is_cancelled_on_the_wire() -> None:
    asked = Asked(RpcError(-32601, "no"), LEGACY)
    assert (await shake(asked)).era is Era.LEGACY
    assert asked.seen == [("server/discover", PROBE_TIMEOUT_S, False), ("initialize", 60, False)]


@pytest.mark.parametrize("answer", [CallTimeout("s", 3), RemoteProtocolError("garbage"), RpcError(1, "x"), b"{}"])
async def test_whatever_becomes_of_the_probe_initialize_follows(answer: bytes | Exception) -> None:
    assert (await shake(Asked(answer, LEGACY))).revision == "2025-06-18"


async def test_a_slow_modern_server_is_found_in_the_end() -> None:
    assert (await shake(Asked(CallTimeout("s", 3), RpcError(-32600, "modern only"), MODERN))).era is Era.MODERN


async def test_a_refusal_says_why_and_where_to_look() -> None:
    with pytest.raises(HandshakeFailed, match="not welcome") as caught:
        await shake(Asked(RpcError(1, "x"), RpcError(2, "not welcome")))
    assert "mcp-gateway logs s" in caught.value.fix


async def test_silence_at_initialize_is_a_failure() -> None:
    with pytest.raises(HandshakeFailed, match="did not answer initialize within 60 s"):
        await shake(Asked(RpcError(1, "x"), CallTimeout("s", 60)))


async def test_a_death_is_not_taken_for_an_answer() -> None:
    with pytest.raises(ChildGone):
        await shake(Asked(ChildGone("s", reason="exited")))
