"""Carries a handshake out over any connection: the decisions are `protocol.handshake`'s."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final, Protocol

import msgspec

from gateway.errors import CallTimeout, HandshakeFailed, RemoteProtocolError, RpcError
from gateway.protocol.handshake import Agreed, Ask, Handshake, Refused, Step

PROBE_TIMEOUT_S: Final = 3.0
"""For `server/discover`: a server that does not know it mostly says so at once, some keep silent."""


class Asking(Protocol):
    """`Connection.ask`, as far as a handshake needs it."""

    def __call__(self, method: str, params: bytes, *, timeout_s: float, may_cancel: bool) -> Awaitable[bytes]: ...


def client_info(version: str) -> bytes:
    """Return the raw JSON of our clientInfo."""
    return msgspec.json.encode({"name": "mcp-gateway", "version": version})


async def shake_hands(
    server: str, handshake: Handshake, ask: Asking, *, timeout_s: float, probe_timeout_s: float = PROBE_TIMEOUT_S
) -> Agreed:
    """Find out what the other side speaks.

    Raises: HandshakeFailed, ChildGone.
    """
    step = handshake.start()
    while isinstance(step, Ask):
        step = await _one(server, handshake, ask, step, probe_timeout_s if step.is_probe else timeout_s)
    if isinstance(step, Refused):
        raise HandshakeFailed(
            server, f"{server} does not speak MCP with us: {step.reason}", fix=f"See: mcp-gateway logs {server}"
        )
    return step


async def _one(server: str, handshake: Handshake, ask: Asking, step: Ask, timeout_s: float) -> Step:
    try:
        # Never cancelled on the wire: before the handshake is done a server may choke on notifications.
        result = await ask(step.method, step.params, timeout_s=timeout_s, may_cancel=False)
    except (RpcError, RemoteProtocolError) as exc:
        return handshake.failed(exc.message)
    except CallTimeout as exc:
        if step.is_probe:
            return handshake.timed_out()
        raise HandshakeFailed(
            server,
            f"{server} did not answer {step.method} within {exc.allowed_s:g} s",
            fix=f"See: mcp-gateway logs {server}; a slow server needs a longer health.TimeoutStartSec.",
        ) from exc
    return handshake.answered(result)
