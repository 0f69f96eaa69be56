"""Numbers as people read them; the page and the command line say them alike. No I/O."""

from __future__ import annotations

from typing import Any

from gateway.clock import rfc3339

NOTHING = "–"


def span(seconds: Any) -> str:
    """Spell a duration: 0.4 s, 12 s, 3 min, 5 h 10 min, 3 d 2 h."""
    if not isinstance(seconds, int | float):
        return NOTHING
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"


def size(amount: Any) -> str:
    """Spell bytes: 512 B, 3.4 MiB."""
    if not isinstance(amount, int | float):
        return NOTHING
    value = float(amount)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 10 else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"


def milliseconds(seconds: Any) -> str:
    """Spell a latency: 12 ms, 1.4 s."""
    if not isinstance(seconds, int | float):
        return NOTHING
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def decimal(value: Any, digits: int = 2) -> str:
    """Spell a score."""
    return f"{value:.{digits}f}" if isinstance(value, int | float) else NOTHING


def plain(value: Any) -> str:
    """Spell anything else; nothing is a dash."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def clock_time(at: Any) -> str:
    """Cut an RFC 3339 time (or seconds since the epoch) to date and seconds, in UTC."""
    if isinstance(at, int | float):
        at = rfc3339(at)
    text = str(at or "")
    return text[:19].replace("T", " ") if len(text) >= 19 else plain(text)


def explain(server: dict[str, Any]) -> str:
    """Say in one line why a server is as it is and what comes next."""
    said = str(server.get("reason") or "")
    last_exit = server.get("last_exit")
    if not said and server.get("restarts") and isinstance(last_exit, dict):
        said = f"restarted after: {last_exit.get('reason')}"
    retry_s = server.get("next_retry_s")
    if isinstance(retry_s, int | float):
        said = f"{said.rstrip('.')}{'; ' if said else ''}next try in {span(retry_s)}"
    return said or NOTHING
