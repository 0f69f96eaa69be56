"""The formats of JSON Schema that a person can get wrong, each with an example. No I/O.

Formats that are not here say nothing about a value: JSON Schema leaves them to the reader.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, time
from urllib.parse import urlsplit
from uuid import UUID

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")
MAX_CHARS = 4096


def fits(text: str, format_: str) -> bool | None:
    """Whether a text has a format; None when the format is not one that is checked here."""
    check = _CHECKS.get(format_)
    if check is None:
        return None
    if len(text) > MAX_CHARS:
        return False
    with suppress(ValueError):
        return check[0](text)
    return False


def example(format_: str) -> str:
    """A value that has the format."""
    return _CHECKS[format_][1] if format_ in _CHECKS else ""


def _is_uri(text: str) -> bool:
    parts = urlsplit(text)
    return bool(parts.scheme) and bool(parts.netloc or parts.path) and not re.search(r"\s", text)


def _is_moment(text: str) -> bool:
    return "T" in text.upper() and datetime.fromisoformat(text).tzinfo is not None


def _is_date(text: str) -> bool:
    return len(text) == 10 and bool(date.fromisoformat(text))


def _is_time(text: str) -> bool:
    return text[2:3] == ":" and time.fromisoformat(text) is not None


def _is_ipv4(text: str) -> bool:
    return bool(ipaddress.IPv4Address(text))


def _is_ipv6(text: str) -> bool:
    return ipaddress.IPv6Address(text) is not None and "%" not in text


def _is_uuid(text: str) -> bool:
    return len(text) == 36 and UUID(text) is not None


def _is_host(text: str) -> bool:
    return _HOST.fullmatch(text) is not None


def _is_email(text: str) -> bool:
    return _EMAIL.fullmatch(text) is not None


_CHECKS: dict[str, tuple[Callable[[str], bool], str]] = {
    "uri": (_is_uri, "https://example.com/path"),
    "url": (_is_uri, "https://example.com/path"),
    "email": (_is_email, "name@example.com"),
    "hostname": (_is_host, "host.example.com"),
    "ipv4": (_is_ipv4, "192.0.2.1"),
    "ipv6": (_is_ipv6, "2001:db8::1"),
    "uuid": (_is_uuid, "123e4567-e89b-12d3-a456-426614174000"),
    "date": (_is_date, "2026-01-31"),
    "time": (_is_time, "12:30:00Z"),
    "date-time": (_is_moment, "2026-01-31T12:30:00Z"),
}
