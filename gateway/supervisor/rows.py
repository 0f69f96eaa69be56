"""A child as one row of the status that programs parse. No I/O."""

from __future__ import annotations

from typing import Any, Final

from gateway.clock import rfc3339
from gateway.model import RemoteLaunch
from gateway.supervisor.child import Child, LastExit
from gateway.supervisor.health.verdict import Health, may_advertise, may_call
from gateway.supervisor.lifecycle import State
from gateway.supervisor.processes.figures import Figures

TAIL_LINES: Final = 10


def status_row(child: Child, figures: Figures, *, instances: int) -> dict[str, Any]:
    """Return the row; an unknown value is None, never absent."""
    spec = child.spec
    return {
        "name": spec.name,
        "from": spec.from_,
        "transport": "http" if isinstance(spec.launch, RemoteLaunch) else "stdio",
        "state": child.state.value,
        "health": _shown_health(child).value,
        "reason": child.reason,
        "next_retry_s": _rounded(child.next_retry_s),
        "pid": child.pid,
        "uptime_s": _rounded(child.uptime_s),
        "restarts": max(0, child.starts - 1),
        "last_exit": _last_exit(child.last_exit),
        "rss_bytes": figures.rss_bytes,
        "cpu_percent": figures.cpu_percent,
        "open_fds": figures.open_fds,
        "protocol": child.agreed.revision if child.agreed is not None else None,
        "required": spec.required,
        "session": spec.session.value,
        "instances": instances,
        "in_flight": child.in_flight.count,
        "callable": may_call(child.state, child.health),
        "advertised": may_advertise(child.state),
        "noise": child.noise,
        "skipped_tools": child.skipped_tools,
        "stderr_tail": child.stderr.tail(TAIL_LINES),
    }


def _shown_health(child: Child) -> Health:
    """What the probes said last means nothing once the child is down against our will."""
    return Health.UNHEALTHY if child.state in {State.BACKOFF, State.FAILED} else child.health


def _last_exit(last: LastExit | None) -> dict[str, Any] | None:
    if last is None:
        return None
    return {"code": last.gone.code, "signal": last.gone.signal, "reason": last.gone.reason, "at": rfc3339(last.at)}


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
