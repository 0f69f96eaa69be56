"""`[gateway]`: where the daemon listens and keeps its state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class GatewaySection:
    """Address, state directory, log form."""

    host: str = "127.0.0.1"
    port: int = 8808
    state_dir: str = ""
    log: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    allow_insecure_bind: bool = False  # a non-loopback bind without TLS in front: say so explicitly
    drain_s: float = 30.0  # how long calls in flight may finish at shutdown
    start_parallel: int = 4  # children starting at once
