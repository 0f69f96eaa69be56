"""One HTTP request on its way through the SDK: what was read of it, and the raw answers that the SDK must not touch.

The SDK serialises answers by itself. It is handed a small stand-in instead of a child's result, and the stand-in is
exchanged for the child's own bytes when the answer leaves. No I/O.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from gateway.endpoint.inbound import Inbound
from gateway.endpoint.sessions import Session
from gateway.model import Caller

SCOPE_KEY = "gateway.exchange"
_LINE_ENDS = bytes.maketrans(b"\r\n", b"  ")


@dataclass(slots=True)
class Exchange:
    """Who asks, in which session, with which message. `mark` is unguessable, so no payload can hold it by intent."""

    caller: Caller
    session: Session | None = None
    inbound: Inbound = field(default_factory=Inbound)
    body: bytes = b""
    mark: str = field(default_factory=lambda: f"gateway:{secrets.token_hex(16)}")
    _raws: list[bytes] = field(default_factory=list)

    def stand_in(self, raw: bytes) -> dict[str, int]:
        """What to give to the SDK instead of raw JSON.

        Line ends between tokens become blanks: an event stream ends a line at them.
        """
        self._raws.append(raw.translate(_LINE_ENDS))
        return {self.mark: len(self._raws) - 1}

    def fill(self, body: bytes) -> bytes:
        """Put the raw JSON back where its stand-ins are."""
        opening = b'{"' + self.mark.encode() + b'":'
        head, *rest = body.split(opening)
        parts = [head]
        for piece in rest:
            number, _, tail = piece.partition(b"}")
            parts += [self._raws[int(number)], tail]
        return b"".join(parts)
