"""`[auth]`: who may call. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from gateway.config.checks import origins
from gateway.config.fields import Check


@dataclass(frozen=True, slots=True)
class AuthSection:
    """Who may call. Two bearer tokens, one for agents and one for administration, are made at the first start."""

    enabled: Annotated[bool, "Ask every caller for a bearer token"] = True
    allowed_hosts: Annotated[
        tuple[str, ...], "Names in the Host header that are accepted besides loopback's, e.g. behind a proxy"
    ] = ()
    allowed_origins: Annotated[
        tuple[str, ...], "Origins of web pages that may call, besides the gateway's own address", Check(origins)
    ] = ()
