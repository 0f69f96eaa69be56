"""`[install]`: what may be installed, and how fresh it may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class InstallSection:
    """Rules and bounds of installation."""

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    cooldown_days: float = 7.0
    on_demand: Literal["off", "ask", "allow"] = "off"
    trusted_origins: tuple[str, ...] = ()
    parallel: int = 2
    timeout_s: float = 600.0
