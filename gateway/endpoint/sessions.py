"""Session ids that carry their session: signed, self-contained, good on any replica and after any restart. No I/O."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Any

import msgspec

LIFE_S = 7 * 24 * 3600.0  # longer than any run; an id that is older is refused, deleted or not
_VERSION = "g1"
_MAX_CHARS = 4096
_CAPABILITIES_BYTES = 1024  # an id travels in a header of every request


class Session(msgspec.Struct, frozen=True, array_like=True):
    """What an id says. `issued` is seconds since the epoch."""

    sid: str
    issued: float
    revision: str
    capabilities: dict[str, Any]
    principal: str
    agent: str
    run: str
    round: int

    @property
    def expires(self) -> float:
        """When the id stops being good."""
        return self.issued + LIFE_S


class SessionSeal:
    """Makes and reads session ids with one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, session: Session) -> str:
        """Write a session as its id: visible ASCII."""
        payload = _encode(msgspec.msgpack.encode(session))
        return f"{_VERSION}.{payload}.{self._signature(payload)}"

    def open(self, text: str, now: float) -> Session | None:
        """Read an id; None when it is forged, malformed or expired."""
        parts = text.split(".") if len(text) <= _MAX_CHARS else []
        if len(parts) != 3 or parts[0] != _VERSION or not text.isascii():
            return None
        if not hmac.compare_digest(self._signature(parts[1]).encode(), parts[2].encode()):
            return None
        try:
            session = msgspec.msgpack.decode(_decode(parts[1]), type=Session)
        except (msgspec.MsgspecError, binascii.Error):
            return None
        return session if now < session.expires else None

    def _signature(self, payload: str) -> str:
        return _encode(hmac.digest(self._key, f"{_VERSION}.{payload}".encode(), hashlib.sha256))


def trimmed_capabilities(capabilities: dict[str, Any]) -> dict[str, Any]:
    """A client's capabilities, small enough for an id: when they are large, only which there are."""
    if len(msgspec.msgpack.encode(capabilities)) <= _CAPABILITIES_BYTES:
        return capabilities
    return {key[:64]: {} for key in list(capabilities)[:12]}


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
