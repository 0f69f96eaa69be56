"""The HTTP transport of conversations that last: calls of minutes, streams of hours, connections used over and over."""

from __future__ import annotations

import socket
from typing import Final

import httpx

KEPT: Final = 8
KEEPALIVE_S: Final = 4.0
"""Idle connections that are kept, and how long: common servers close theirs after five seconds, and a request that
crosses that close is lost without anybody knowing whether it arrived. A new connection resolves its name again."""

LIMITS: Final = httpx.Limits(max_connections=None, max_keepalive_connections=KEPT, keepalive_expiry=KEEPALIVE_S)
"""As many connections as requests, which are bounded where they are accepted: none waits for another one's end."""

_QUIET_S, _AGAIN_S, _TIMES = 30, 10, 3

KEEP_WATCH: Final = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _QUIET_S),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _AGAIN_S),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _TIMES),
)
"""The kernel asks a quiet peer for a sign of life: a stream to a host that vanished ends within about a minute, and
whatever keeps the connection open on the way does not forget it."""


def lasting_transport() -> httpx.AsyncHTTPTransport:
    """Make the transport of one server. The environment's proxies are never used."""
    return httpx.AsyncHTTPTransport(trust_env=False, limits=LIMITS, socket_options=KEEP_WATCH)
