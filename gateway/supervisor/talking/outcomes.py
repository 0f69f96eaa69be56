"""What both kinds of connection say alike: errors for answers that are no results, our own answers. No I/O."""

from __future__ import annotations

from typing import Final

from gateway.errors import AnswerTooLarge, GatewayError, RemoteProtocolError, RpcError
from gateway.protocol import codes, envelope
from gateway.protocol.framing import LINE_CAP

LISTEN_PARAMS: Final = b'{"notifications":{"toolsListChanged":true}}'
"""Params of `subscriptions/listen`: what the supervisor itself needs to hear."""


def as_error(server: str, outcome: envelope.Failure | envelope.Noise) -> GatewayError:
    """Return the exception for an answer that is no result."""
    if isinstance(outcome, envelope.Failure):
        return RpcError(outcome.code, outcome.message, outcome.data)
    if outcome.too_long:
        return AnswerTooLarge(server, LINE_CAP)
    return RemoteProtocolError(f"{server} sent {outcome.reason} in place of an answer")


def answer_to(asked: envelope.Request) -> bytes:
    """Return our answer to a server's request: a pong, or a refusal (nobody could tell which caller it meant)."""
    if asked.method == "ping":
        return envelope.success(asked.id, b"{}")
    return envelope.failure(asked.id, codes.METHOD_NOT_FOUND, f"{asked.method} is not offered to a shared server")
