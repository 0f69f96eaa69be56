"""`Session`: what was agreed with a remote server, and the id under which it knows us. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gateway.errors import RemoteProtocolError
from gateway.protocol import meta
from gateway.protocol.handshake import Agreed, Era

MAX_ID: Final = 1024
_ID: Final = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """One agreement; each handshake makes another one, even if all its words are the same.

    Without `agreed` the handshake is still going on. Modern servers, and stateless ones, give no id.
    """

    agreed: Agreed | None = None
    id: str = ""

    @property
    def is_legacy(self) -> bool:
        """Whether it began with `initialize`: such a server can forget us."""
        return self.agreed is not None and self.agreed.era is Era.LEGACY

    @property
    def is_modern(self) -> bool:
        """Whether each request has to say who we are."""
        return self.agreed is not None and self.agreed.era is Era.MODERN

    def prepared(self, params: bytes, client_info: bytes, wire_id: int) -> tuple[bytes, bytes | None]:
        """Return the params as they travel, and the caller's own progress token. The handshake's travel as they are."""
        if self.agreed is None:
            return params, None
        stamp = meta.stamp_for(self.agreed.revision, client_info) if self.is_modern else {}
        return meta.for_leg(params, stamp, progress_token=wire_id)


def session_id(server: str, given: str) -> str:
    """Check the id that a server gave us; "" is none.

    Raises: RemoteProtocolError.
    """
    if given and (len(given) > MAX_ID or _ID.fullmatch(given) is None):
        raise RemoteProtocolError(f"{server} gave us a session id that cannot be sent back")
    return given
