"""The body of a POST, looked at before the SDK sees it: is it one JSON-RPC message, and which. No I/O.

Params are kept as the bytes they came in, so that a child gets the caller's own spelling of numbers and strings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate

import msgspec

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
INVALID_PARAMS = -32602
MAX_DEPTH = 64  # deeper than any honest message; every decoder behind us may be recursive

Members = dict[str, msgspec.Raw]


class NotAMessage(Exception):
    """The body is no JSON-RPC message; `id` is the raw JSON of its id, if that much could be read."""

    def __init__(self, code: int, message: str, id_: msgspec.Raw | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.id = bytes(id_) if id_ is not None else None


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message: a request (with id), a notification (without) or an answer to a request of ours (no method)."""

    method: str = ""
    id: msgspec.Raw | None = None
    params: Mapping[str, msgspec.Raw] = field(default_factory=dict)


class _Envelope(msgspec.Struct):
    jsonrpc: str
    method: str | msgspec.UnsetType = msgspec.UNSET
    id: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    params: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_ID = re.compile(rb'".*"|-?[0-9]+', re.DOTALL)
_decoder = msgspec.json.Decoder(_Envelope)


def read_message(body: bytes) -> Inbound:
    """Read one message.

    Raises: NotAMessage with the JSON-RPC code that says why.
    """
    if too_deep(body, MAX_DEPTH):
        raise NotAMessage(PARSE_ERROR, f"Parse error: nested deeper than {MAX_DEPTH} levels")
    try:
        body.decode()
        envelope = _decoder.decode(body)
    except msgspec.ValidationError as exc:
        raise NotAMessage(INVALID_REQUEST, f"Invalid request: {exc}") from exc
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise NotAMessage(PARSE_ERROR, f"Parse error: {exc}") from exc
    ident = _id(envelope)
    if envelope.jsonrpc != "2.0":
        raise NotAMessage(INVALID_REQUEST, 'Invalid request: "jsonrpc" is not "2.0"', ident)
    if envelope.method is msgspec.UNSET:
        return _answer(envelope, ident)
    return Inbound(envelope.method, ident, _params(envelope, ident))


def _answer(envelope: _Envelope, ident: msgspec.Raw | None) -> Inbound:
    if envelope.result is msgspec.UNSET and envelope.error is msgspec.UNSET:
        raise NotAMessage(INVALID_REQUEST, 'Invalid request: neither "method" nor "result" nor "error"', ident)
    return Inbound("", ident)


def _id(envelope: _Envelope) -> msgspec.Raw | None:
    if envelope.id is msgspec.UNSET:
        return None
    if _ID.fullmatch(bytes(envelope.id)) is None:
        raise NotAMessage(INVALID_REQUEST, 'Invalid request: "id" is neither a text nor a whole number')
    return envelope.id


def _params(envelope: _Envelope, ident: msgspec.Raw | None) -> Members:
    if envelope.params is msgspec.UNSET or memoryview(envelope.params)[:4].tobytes() == b"null":
        return {}
    try:
        return msgspec.json.decode(envelope.params, type=Members)
    except msgspec.MsgspecError as exc:
        raise NotAMessage(INVALID_PARAMS, 'Invalid params: "params" is not an object', ident) from exc


_STEPS = bytes(1 if b in b"[{" else 2 if b in b"]}" else 0 for b in range(256))
_STEP_OF = (0, 1, -1)
_OTHERS = bytes(b for b in range(256) if b not in b"[]{}")


def too_deep(body: bytes, limit: int) -> bool:
    """Whether brackets nest deeper than the limit.

    Only counted when there are more opening brackets than the limit, which few messages have.
    """
    if body.count(b"[") + body.count(b"{") <= limit:
        return False
    brackets = _outside_texts(body).translate(_STEPS, _OTHERS)
    return any(depth > limit for depth in accumulate(_STEP_OF[step] for step in brackets))


def _outside_texts(body: bytes) -> bytes:
    """The body without its string literals."""
    return b"".join(body.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2])
