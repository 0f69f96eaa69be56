"""JSON-RPC envelopes: id and method decoded, payload raw. Hostile input becomes `Noise`, never an exception. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from gateway.protocol import codes
from gateway.protocol.framing import EDGE, Overlong

Id = int | str


@dataclass(frozen=True, slots=True)
class Request:
    """They ask: answer with the same id."""

    id: Id
    method: str
    params: bytes | None


@dataclass(frozen=True, slots=True)
class Notification:
    """They tell."""

    method: str
    params: bytes | None


@dataclass(frozen=True, slots=True)
class Success:
    """They answered; `result` is the JSON as it came."""

    id: Id
    result: bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """They answered with an error; `data` is raw JSON."""

    id: Id
    code: int
    message: str
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Noise:
    """Not a message. `answers` is the id it was meant to answer, where that can be told; `too_long`: over the cap."""

    reason: str
    answers: Id | None = None
    too_long: bool = False


Envelope = Request | Notification | Success | Failure | Noise


class _Wire(msgspec.Struct):
    id: int | str | UnsetType | None = UNSET
    method: str | UnsetType = UNSET
    params: Raw | UnsetType = UNSET
    result: Raw | UnsetType = UNSET
    error: Raw | UnsetType = UNSET


class _Error(msgspec.Struct):
    code: int
    message: str = ""
    data: Raw | UnsetType = UNSET


_decode = msgspec.json.Decoder(_Wire).decode
_decode_error = msgspec.json.Decoder(_Error).decode

# A whole surrogate pair, half of one, or any other escape (so that an escaped backslash is not taken for one).
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.",
    re.DOTALL,
)

# Anchored at the very ends of the line, so that a nested "id" cannot be taken for the envelope's.
_ID_FIRST = re.compile(rb'^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(\d{1,15})\s*,\s*"(?:result|error)"')
_ID_LAST = re.compile(rb'"id"\s*:\s*(\d{1,15})\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$')


def read(line: bytes | Overlong) -> Envelope:
    """Read one line (or one HTTP body) as a JSON-RPC message."""
    if isinstance(line, Overlong):
        return Noise("line over the size cap", _find_id(line.head, line.tail), too_long=True)
    if not line.isascii():
        line = _valid_utf8(line)
    try:
        wire = _decoded(line)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        reason = "a batch" if line.lstrip()[:1] == b"[" else "not a JSON-RPC message"
        return Noise(reason, _find_id(line[:EDGE], line[-EDGE:]))
    return _classify(wire)


def _decoded(line: bytes) -> _Wire:
    try:
        return _decode(line)
    except msgspec.DecodeError:
        # JavaScript spells a cut emoji as half a surrogate pair, which no decoder behind us takes.
        mended = _ESCAPE.sub(lambda found: b"\\ufffd" if found["half"] else found[0], line)
        if mended == line:
            raise
        return _decode(mended)


def _valid_utf8(line: bytes) -> bytes:
    """Spell broken UTF-8 as U+FFFD: the answer still arrives, and nobody downstream chokes on it."""
    try:
        line.decode()
    except UnicodeDecodeError:
        return line.decode(errors="replace").encode()
    return line


def _find_id(head: bytes, tail: bytes) -> int | None:
    found = _ID_FIRST.search(head) or _ID_LAST.search(tail)
    return int(found[1]) if found else None


def _raw(value: Raw | UnsetType) -> bytes | None:
    return None if isinstance(value, UnsetType) else bytes(value)


def _classify(wire: _Wire) -> Envelope:
    ident = wire.id
    if not isinstance(wire.method, UnsetType):
        if isinstance(ident, UnsetType):
            return Notification(wire.method, _raw(wire.params))
        if ident is None:
            return Noise("a request without an id")
        return Request(ident, wire.method, _raw(wire.params))
    if isinstance(ident, UnsetType) or ident is None:
        return Noise("an answer without an id")
    if not isinstance(wire.result, UnsetType):
        return Success(ident, bytes(wire.result))
    if not isinstance(wire.error, UnsetType):
        return _failure(ident, wire.error)
    return Noise("an answer without result and error", ident)


def _failure(ident: Id, error: Raw) -> Failure:
    try:
        read_error = _decode_error(error)
    except (msgspec.MsgspecError, RecursionError):
        return Failure(ident, codes.INTERNAL_ERROR, "the server sent a malformed error", None)
    return Failure(ident, read_error.code, read_error.message, _raw(read_error.data))


_NEWLINES: Final = bytes.maketrans(b"\r\n", b"  ")


def one_line(raw: bytes) -> bytes:
    """Make raw JSON fit on one line: inside valid JSON a bare newline can only be white space."""
    return raw.translate(_NEWLINES) if b"\n" in raw or b"\r" in raw else raw


def request(ident: Id, method: str, params: bytes | None = None) -> bytes:
    """Encode a request, without newline."""
    body = b'{"jsonrpc":"2.0","id":' + msgspec.json.encode(ident) + b',"method":' + msgspec.json.encode(method)
    return body + (b',"params":' + one_line(params) if params else b"") + b"}"


def notification(method: str, params: bytes | None = None) -> bytes:
    """Encode a notification, without newline."""
    body = b'{"jsonrpc":"2.0","method":' + msgspec.json.encode(method)
    return body + (b',"params":' + one_line(params) if params else b"") + b"}"


def success(ident: Id, result: bytes) -> bytes:
    """Encode an answer, without newline."""
    return b'{"jsonrpc":"2.0","id":' + msgspec.json.encode(ident) + b',"result":' + one_line(result) + b"}"


def failure(ident: Id, code: int, message: str) -> bytes:
    """Encode an error answer, without newline."""
    error = msgspec.json.encode({"code": code, "message": message})
    return b'{"jsonrpc":"2.0","id":' + msgspec.json.encode(ident) + b',"error":' + error + b"}"
