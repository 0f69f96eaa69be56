"""The bearer tokens as the gate knows them: digests only, compared in constant time. No I/O."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a presented token is good for; `principal` names it without telling it."""

    principal: str
    admin: bool


@dataclass(frozen=True, slots=True)
class Tokens:
    """SHA-256 digests of the valid tokens; `enabled` false: everybody may do everything."""

    agents: tuple[bytes, ...] = ()
    admins: tuple[bytes, ...] = ()
    enabled: bool = True

    @classmethod
    def of(cls, agents: str, admin: str) -> Tokens:
        """Two tokens as they stand in their files."""
        return cls((_digest(agents),), (_digest(admin),))

    @classmethod
    def off(cls) -> Tokens:
        """No authentication."""
        return cls(enabled=False)

    def check(self, presented: str) -> Grant | None:
        """Look a token up; every digest is compared, whichever matches."""
        digest = _digest(presented)
        is_admin = any([hmac.compare_digest(digest, known) for known in self.admins])  # noqa: C419 - no short cut
        is_agent = any([hmac.compare_digest(digest, known) for known in self.agents])  # noqa: C419 - no short cut
        if not presented or not (is_admin or is_agent):
            return None
        return Grant(digest.hex()[:16], is_admin)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
