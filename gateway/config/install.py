"""`[install]`: what may be installed, and how fresh it may be. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from gateway.config.checks import origins
from gateway.config.fields import Check, Range


@dataclass(frozen=True, slots=True)
class InstallSection:
    """What may be installed, by whom, and how fresh it may be."""

    allow: Annotated[
        tuple[str, ...], "Only references that match one of these patterns may be installed; empty: any"
    ] = ()
    deny: Annotated[tuple[str, ...], "References that match one of these patterns are refused"] = ()
    cooldown_days: Annotated[
        float, "Days that a release must be old; fresh ones are where worms are found", Range(0, 365)
    ] = 7.0
    on_demand: Annotated[
        Literal["off", "ask", "allow"],
        "May agents install servers with gateway__install_server? ask: their wishes wait for a person"
        " (`mcp-gateway requests`)",
    ] = "off"
    trusted_origins: Annotated[
        tuple[str, ...], "Origins that may be reached although they are not public HTTPS addresses", Check(origins)
    ] = ()
    secrets: Annotated[
        Literal["files", "keyring"],
        "Where servers' secrets are kept: files that only you may read, or the keyring of the operating system",
    ] = "files"
    parallel: Annotated[int, "How many installations may run at once", Range(1, 16)] = 2
    timeout_s: Annotated[float, "Seconds that one installation may take", Range(1, 7200)] = 600.0
    watch_s: Annotated[
        float,
        "Seconds that a new release is watched after it took over; if it ends meanwhile, the one before comes back",
        Range(0, 300),
    ] = 5.0
