"""What the HTTP status of a remote server means in place of an answer. No I/O.

Whether a request may be sent again follows from here: only refusals that come before the request was run are told
apart, and in case of doubt one is none of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import msgspec

from gateway.errors import ChildGone, GatewayError, ServerOverloaded
from gateway.supervisor.talking.http.waiting import why_waiting

RETRY_CAP_S: Final = 300.0
"""Whatever a server asks for, nobody is told to wait longer."""

RETRY_DEFAULT_S: Final = 1.0
"""For a refusal (429) that does not say how long."""

TEXT_CAP: Final = 2000
"""How much of a refusal is looked through for its words."""

# What servers say at 400 when they do not know our session: the official SDKs for Python and TypeScript (and the
# latter's examples), Go and Java ones. A tool's own complaint does not arrive as HTTP 400 outside an answer.
_FORGOTTEN: Final = re.compile(
    r"(?:no valid|invalid|missing|unknown|expired|invalid or expired)\s+(?:mcp[- ])?session\b"
    r"|\bsession(?:[- ]?id)?\b.{0,60}\b(?:not found|missing|required|expired|unknown|invalid|does not exist)\b"
    r"|\bsession(?:[- ]?id)?\b.{0,60}\bterminated\b"
    r"|\bserver not initialized\b",
    re.IGNORECASE | re.DOTALL,
)


class SessionLost(Exception):
    """The server no longer knows our session: it never ran this request."""


class AccessRefused(Exception):
    """The server refused our credentials: it never ran this request."""


class HttpRefused(ChildGone):
    """The server answered with an HTTP status in place of a message."""

    def __init__(self, server: str, status: int) -> None:
        hint = " (a redirect: correct its URL)" if 300 <= status < 400 else ""
        super().__init__(server, reason=f"it answered with HTTP {status}{hint}")
        self.status = status


class PersonNeeded(HttpRefused):
    """The server will do nothing before somebody has signed in, or given it values."""

    def __init__(self, server: str, status: int, reason: str) -> None:
        super().__init__(server, status)
        self.reason = reason
        self.message = f"{server} cannot be used: {reason}"
        self.args = (self.message,)
        self.ran = False


Meaning = GatewayError | SessionLost | AccessRefused


def meaning(
    server: str, status: int, headers: Mapping[str, str], body: bytes, *, in_session: bool, is_answer: bool
) -> Meaning | None:
    """Say what a refusal means; None when its body (or its bare status) has to tell.

    `in_session`: the request went to a server that once agreed with us by `initialize`, and can forget that.
    `is_answer`: the body is a JSON-RPC answer with the request's own id: the server did look at the message.
    """
    reason = why_waiting(status, body)
    if reason is not None:
        return PersonNeeded(server, status, reason)
    wait_s = retry_after_s(headers)
    if status == 401:
        return AccessRefused()
    if status == 429 or (status == 503 and wait_s is not None):
        return ServerOverloaded(server, status=status, retry_after_s=RETRY_DEFAULT_S if wait_s is None else wait_s)
    if in_session and (status == 404 or (status == 400 and not is_answer)) and _is_forgotten(status, body, is_answer):
        return SessionLost()
    return None


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Read `Retry-After` (seconds, or a date beside the answer's own), capped; None when it does not say."""
    told = headers.get("retry-after", "").strip()
    if told.isascii() and told.isdigit():
        return min(float(told[:9]), RETRY_CAP_S)
    until, now = _date(told), _date(headers.get("date", ""))
    if until is None or now is None:
        return None
    return min(max(0.0, (until - now).total_seconds()), RETRY_CAP_S)


def _date(text: str) -> datetime | None:
    try:
        told = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return told if told.tzinfo is not None else told.replace(tzinfo=UTC)


def _is_forgotten(status: int, body: bytes, is_answer: bool) -> bool:
    """At 404 the status says it, unless the message itself was answered (an unknown method); at 400 only the words."""
    if status == 404 and not is_answer:
        return True
    return _FORGOTTEN.search(_words(body)) is not None


def _words(body: bytes) -> str:
    """Return what a refusal says in its error, or in plain text; nothing of a page of HTML."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        text = body[:TEXT_CAP].decode(errors="replace").strip()
        return "" if text.startswith("<") else text
    error = value.get("error", value) if isinstance(value, dict) else value
    said = error.get("message") or error.get("detail") if isinstance(error, dict) else error
    return said[:TEXT_CAP] if isinstance(said, str) else ""
