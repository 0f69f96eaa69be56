"""A child as one row of the status that programs parse. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from gateway.clock import rfc3339
from gateway.model import RemoteLaunch
from gateway.supervisor.child import Child
from gateway.supervisor.deaths import LastExit
from gateway.supervisor.health.verdict import Health, may_advertise, may_call
from gateway.supervisor.lifecycle import State
from gateway.supervisor.processes.figures import Figures

TAIL_LINES: Final = 10


@dataclass(frozen=True, slots=True)
class Warm:
    """When its processes run: whether the next call starts it, starts after a rest, and what is started ahead."""

    is_resting: bool = False
    woken: int = 0
    spares: int = 0
    prestarts: int = 0
    wasted_starts: int = 0


def status_row(
    child: Child,
    figures: Figures,
    *,
    instances: int,
    warm: Warm = Warm(),
    sandbox: dict[str, Any] | None = None,
    limits: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the row; an unknown value is None, never absent."""
    spec = child.spec
    return {
        "name": spec.name,
        "from": spec.from_,
        "transport": "http" if isinstance(spec.launch, RemoteLaunch) else "stdio",
        "state": child.state.value,
        "health": (Health.HEALTHY if warm.is_resting else shown_health(child)).value,
        "reason": child.reason,
        "next_retry_s": rounded(child.next_retry_s),
        "pid": child.pid,
        "uptime_s": rounded(child.uptime_s),
        "restarts": max(0, child.starts - 1 - warm.woken),
        "restart_causes": child.deaths.restarts,
        "last_exit": _last_exit(child.last_exit),
        "exits": [exit_row(one) for one in child.deaths.newest],
        "rss_bytes": figures.rss_bytes,
        "cpu_percent": figures.cpu_percent,
        "open_fds": figures.open_fds,
        "tasks": figures.tasks,
        "memory_peak_bytes": figures.memory_peak_bytes,
        "cpu_seconds": None if figures.cpu_seconds is None else round(figures.cpu_seconds, 2),
        "limits": limits,
        "protocol": child.agreed.revision if child.agreed is not None else None,
        "required": spec.required,
        "session": spec.session.value,
        "instances": instances,
        "sandbox": sandbox,
        "in_flight": child.traffic.count,
        **child.traffic.row(),
        "callable": warm.is_resting or (may_call(child.state, child.health) and not child.is_draining),
        "advertised": warm.is_resting or may_advertise(child.state),
        "resting": warm.is_resting,
        "spares": warm.spares,
        "prestarts": warm.prestarts,
        "wasted_starts": warm.wasted_starts,
        "noise": child.noise,
        "skipped_tools": child.skipped_tools,
        "stderr_bytes": child.stderr.total_bytes,
        "stderr_tail": child.stderr.tail(TAIL_LINES),
    }


def shown_health(child: Child) -> Health:
    """What the probes said last means nothing once the child is down against our will."""
    return Health.UNHEALTHY if child.state in {State.BACKOFF, State.FAILED} else child.health


def _last_exit(last: LastExit | None) -> dict[str, Any] | None:
    return None if last is None else exit_row(last)


def exit_row(one: LastExit) -> dict[str, Any]:
    """Spell one end."""
    gone = one.gone
    return {
        "code": gone.code,
        "signal": gone.signal,
        "reason": gone.reason,
        "cause": gone.cause.value,
        "at": rfc3339(one.at),
        "uptime_s": rounded(one.uptime_s),
    }


def rounded(seconds: float | None) -> float | None:
    """Spell a time in seconds."""
    return None if seconds is None else round(seconds, 3)
