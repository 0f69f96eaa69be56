"""An HTTP answer of a registry judged: a value, worth another try, or one of our errors. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import msgspec

from gateway.discovery.parsing.fields import Fields, clean_text
from gateway.errors import DiscoveryError, GatewayError, NotFound, RegistryUnauthorized, RegistryUnavailable

_SAID = 200  # characters of a registry's own words that are shown
_WAIT_FIX = "Try again later; what was found before stays usable."


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
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        kind = "with a web page instead of JSON" if body.lstrip()[:1] == b"<" else "with something that is not JSON"
        raise RegistryUnavailable(f"{who} answered {kind}", fix=f"Check the base URL of {who}.") from error


def failure(reply: Reply, who: str, *, what: str, key_fix: str) -> GatewayError:
    """Return the error that an unsuccessful answer means; `what` was asked for."""
    said = _words(reply.body)
    status = f"{reply.status} {_phrase(reply.status)}".strip()
    line = f"{who} answered {status}" + (f": {said}" if said else "")
    match reply.status:
        case 401 | 403:
            return RegistryUnauthorized(line, fix=key_fix)
        case 404:
            return NotFound(f"{who} does not know {what}", fix="Look for it with `mcp-gateway search`.")
        case 402:
            return DiscoveryError(line, fix=f"The account at {who} must pay before this can be read.")
        case 408 | 409 | 429:
            return RegistryUnavailable(line, fix=_WAIT_FIX)
        case status_code if status_code >= 500:
            return RegistryUnavailable(line, fix=_WAIT_FIX)
        case status_code if 300 <= status_code < 400:
            return RegistryUnavailable(
                f"{line} and points elsewhere", fix=f"Set the base URL of {who} to its new address."
            )
        case _:
            return DiscoveryError(f"{line} (asked for {what})", fix="Change the question; it was not understood.")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _words(body: bytes) -> str:
    """Return the text of an error body, whichever of the known spellings it uses; "" for web pages."""
    try:
        fields = Fields(msgspec.json.decode(body))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""
    spellings = ("message", "detail", "error", "title")
    return next((words for key in spellings if (words := clean_text(fields.value(key), _SAID))), "")
