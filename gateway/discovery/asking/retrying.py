"""When an answer is worth another try, and how long to wait: the official client's rules. No I/O, no clock."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from random import Random

LONGEST_ASKED_S = 3600.0  # a registry that asks for more (or for the year 9999) is asked again after this
MAX_RETRIES = 2  # as the official client
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 8.0
_JITTER = 0.25  # up to this part of a wait is taken away, so that many clients do not come back together
_RATE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*/\s*(s|m|h)\s*")
_PERIOD_S = {"s": 1.0, "m": 60.0, "h": 3600.0}


def may_retry(status: int, headers: Mapping[str, str]) -> bool:
    """Say whether an answer of this status is worth another try; `x-should-retry` has the last word."""
    match headers.get("x-should-retry", "").strip().lower():
        case "true":
            return True
        case "false":
            return False
        case _:
            return status in {408, 409, 429} or status >= 500


def asked_wait_s(headers: Mapping[str, str], wall: float) -> float | None:
    """Return the seconds a server asks to wait (`retry-after-ms`, else `retry-after` in seconds or as a date).

    `wall` is the calendar's time now; at most `LONGEST_ASKED_S`. None when it does not ask, or asks for nonsense.
    """
    milliseconds = _number(headers.get("retry-after-ms", ""))
    asked = headers.get("retry-after", "").strip()
    seconds = milliseconds / 1000 if milliseconds is not None else _number(asked)
    found = seconds if seconds is not None else _seconds_until(asked, wall)
    return min(found, LONGEST_ASKED_S) if found is not None else None


def back_off_s(retry: int, rng: Random) -> float:
    """Return the wait before retry number `retry` (0, 1, ...): doubling, bounded, with jitter."""
    wait = min(_FIRST_WAIT_S * 2.0 ** min(retry, 16), _LONGEST_WAIT_S)
    return wait * (1 - _JITTER * rng.random())


def bucket(rate: str, burst: int) -> tuple[float, float]:
    """Turn "5/s" and a burst into (capacity, seconds in which it refills).

    Raises:
        ValueError: the rate is not a number per s, m or h, or is zero.
    """
    match = _RATE.fullmatch(rate)
    if match is None or float(match[1]) <= 0:
        raise ValueError(f"{rate!r} is not a rate such as 5/s")
    per_second = float(match[1]) / _PERIOD_S[match[2]]
    capacity = float(max(1, burst))
    return capacity, capacity / per_second


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < 1e9 else None  # also refuses nan


def _seconds_until(date: str, wall: float) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0.0, aware.timestamp() - wall)
