"""An HTTP answer of a registry judged: a value, worth another try, or one of our errors. No I/O."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import msgspec

from gateway.discovery.parsing.fields import Fields, clean_text
from gateway.errors import DiscoveryError, GatewayError, NotFound, RegistryUnauthorized, RegistryUnavailable, Who

_SAID = 200  # characters of a registry's own words that are shown
_WAIT_FIX = "Try again later; what was found before stays usable."
_BROKEN_FIX = "Its operators must mend it; try again later, what was found before stays usable."
_GRANT_FIX = "The account lacks the right: ask its owner."


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came from the wire, whole. Header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def decode(body: bytes, who: str) -> Any:
    """Decode a JSON body.

    Raises:
        RegistryUnavailable: it is HTML, cut off, or otherwise not JSON.
    """
    try:
        return _decoded(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        kind = "a web page instead of JSON" if looks_like_web_page(body) else "something that is not JSON"
        fix = f"Check the base URL of {who}, and whether a proxy or login page stands before it; or try again later."
        raise RegistryUnavailable(f"{who} answered with {kind}", fix=fix, who=Who.REGISTRY) from error


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.MsgspecError:
        # One entry with half a character (a lone surrogate) must not cost the page: it becomes a question mark.
        return msgspec.json.decode(json.dumps(json.loads(body), ensure_ascii=False).encode("utf-8", "replace"))


def failure(reply: Reply, who: str, *, what: str, key_fix: str, hidden: Collection[str] = ()) -> GatewayError:
    """Return the error that an unsuccessful answer means; `what` was asked for.

    `hidden` are secrets that we sent: a registry that says them back does not make us show them.
    """
    said = _words(reply.body, hidden)
    status = f"{reply.status} {_phrase(reply.status)}".strip()
    line = f"{who} answered {status}" + (f": {said}" if said else "")
    match reply.status:
        case 404:
            return NotFound(f"{who} does not know {what}", fix="Look for it with `mcp-gateway search`.")
        case 401 | 402 | 403:
            return _about_the_account(reply.status, line, who, key_fix)
        case 408 | 409 | 429:
            return RegistryUnavailable(line, fix=_WAIT_FIX)
        case status_code if status_code >= 500:
            return RegistryUnavailable(line, fix=_BROKEN_FIX, who=Who.REGISTRY)
        case status_code if 300 <= status_code < 400:
            fix = f"Set the base URL of {who} to its new address."
            return RegistryUnavailable(f"{line} and points elsewhere", fix=fix, who=Who.PERSON)
        case _:
            fix = "Change the question; it was not understood."
            return DiscoveryError(f"{line} (asked for {what})", fix=fix, who=Who.PERSON)


def _about_the_account(status: int, line: str, who: str, key_fix: str) -> DiscoveryError:
    match status:
        case 401:
            return RegistryUnauthorized(line, fix=key_fix)
        case 403:
            return RegistryUnauthorized(line, fix=f"{_GRANT_FIX} {key_fix}", who=Who.OWNER)
        case _:
            fix = f"The owner of the account at {who} must pay before this can be read."
            return DiscoveryError(line, fix=fix, code="payment_required", who=Who.OWNER)


def is_alive(status: int) -> bool:
    """Whether an answer of this status shows that the registry works, be it a refusal."""
    return status < 300 or (400 <= status < 500 and status not in {408, 409, 429})


def concerns_all(status: int) -> bool:
    """Whether a trouble of this status surely concerns every question, not just the one that was asked."""
    return status in {429, 502, 503, 504} or 300 <= status < 400


def looks_like_web_page(body: bytes) -> bool:
    """Whether it is HTML (or XML): something stands before the registry, or it is not one."""
    return body.lstrip()[:1] == b"<"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _words(body: bytes, hidden: Collection[str]) -> str:
    """Return the text of an error body, whichever of the known spellings it uses; "" for web pages."""
    try:
        fields = Fields(msgspec.json.decode(body))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""
    spellings = ("message", "detail", "error", "title")
    said = next((words for key in spellings if (words := clean_text(fields.value(key)))), "")
    for secret in hidden:
        said = said.replace(secret, "***")
    return said[:_SAID]
