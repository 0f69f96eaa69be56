"""Times as registries spell them. No I/O, no clock."""

from __future__ import annotations

from datetime import datetime


def epoch_of(text: str | None) -> float | None:
    """Return the seconds since the epoch of an RFC 3339 time; None when it is not one, or names no zone."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo is not None else None
