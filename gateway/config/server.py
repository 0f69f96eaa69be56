"""`[[server]]`: one server, in the operator's words; tables carry systemd's names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class RestartTable:
    """`[server.restart]`."""

    Restart: Literal["always", "on-failure", "no"] = "always"
    RestartSec: float = 0.5
    RestartMaxDelaySec: float = 60.0
    StartLimitBurst: int = 5
    StartLimitIntervalSec: float = 300.0
    ResetAfterSec: float = 600.0
    RetryFailedSec: float = 600.0


@dataclass(frozen=True, slots=True)
class HealthTable:
    """`[server.health]`."""

    IntervalSec: float = 10.0
    TimeoutSec: float = 10.0
    Failures: int = 3
    TimeoutStartSec: float = 60.0
    TimeoutStopSec: float = 2.0


@dataclass(frozen=True, slots=True)
class CallTable:
    """`[server.limits]`: deadlines and bounds of calls."""

    timeout_s: float = 120.0
    max_timeout_s: float = 390.0
    max_in_flight: int = 64


@dataclass(frozen=True, slots=True)
class ServerSection:
    """One `[[server]]`: `from`, or `command`, or `url`; exactly one of the three."""

    name: str
    from_: str = ""
    command: tuple[str, ...] = ()
    url: str = ""
    env: dict[str, str] = field(default_factory=dict)
    cwd: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    prefix: str | None = None
    required: bool = False
    config: dict[str, Any] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    session: Literal["shared", "per-agent", "per-session"] = "shared"
    description: str = ""
    args: tuple[str, ...] = ()
    restart: RestartTable = field(default_factory=RestartTable)
    health: HealthTable = field(default_factory=HealthTable)
    limits: CallTable = field(default_factory=CallTable)
