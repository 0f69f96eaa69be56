"""`[auth]`: who may call."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AuthSection:
    """Bearer tokens are on by default; `allowed_hosts` and `allowed_origins` extend the loopback lists."""

    enabled: bool = True
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
