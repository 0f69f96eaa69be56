"""Which Host and Origin headers belong to us: the defence against DNS rebinding and foreign pages. No I/O."""

from __future__ import annotations

import re
from collections.abc import Collection

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})

_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?")
_ORIGIN = re.compile(r"(https?)://([^/?#@]+)")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def host_allowed(host: str, allowed: Collection[str]) -> bool:
    """Whether a Host header names us: loopback at any port, or a configured name (with its port, if it has one)."""
    match = _AUTHORITY.fullmatch(host.lower())
    if match is None:
        return False
    return match[1] in LOOPBACK or match[1] in allowed or match[0] in allowed


def origin_allowed(origin: str, host: str, scheme: str, allowed: Collection[str]) -> bool:
    """Whether a page of this origin may call: our own pages, or a configured origin.

    Our own means the same authority as in the Host header, where the loopback names are one.
    """
    text = origin.strip().lower()
    if text in allowed:
        return True
    match = _ORIGIN.fullmatch(text)
    if match is None:
        return False
    page, here = _endpoint(match[2], match[1]), _endpoint(host.lower(), scheme)
    if page is None or here is None or page[1] != here[1]:
        return False
    if page[0] in LOOPBACK:
        return here[0] in LOOPBACK and match[1] == scheme
    # In front of a name there may be a proxy that speaks TLS, so the page's scheme need not be ours.
    return page[0] == here[0]


def _endpoint(authority: str, scheme: str) -> tuple[str, str] | None:
    match = _AUTHORITY.fullmatch(authority)
    return None if match is None else (match[1], match[2] or _DEFAULT_PORTS[scheme])
