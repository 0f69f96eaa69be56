"""What Connect's own refusals mean as errors of ours; the rest is judged as any registry's. No I/O."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.discovery.asking.replies import Reply
from gateway.discovery.parsing.fields import Fields, clean_text
from gateway.errors import DiscoveryError, GatewayError, NotFound, RegistryUnauthorized

_SAID = 200  # characters of its own words that are shown


class ConnectionMismatch(DiscoveryError):
    """The person must choose: a connection of that id exists and leads elsewhere."""

    code = "connection_mismatch"


class ConnectForbidden(RegistryUnauthorized):
    """The operator must act: the key is good, but may not do this."""

    code = "forbidden"


class ConnectRefused(DiscoveryError):
    """Whoever asked must correct the question."""

    code = "connect_refused"


def refusal(reply: Reply, what: str) -> GatewayError | None:
    """Return the error of an answer that means something else here than at a registry, None for the others."""
    said = words(reply.body)
    match reply.status:
        case 403:
            return ConnectForbidden(
                f"Smithery does not let this key have {what}" + (f" ({said})" if said else ""),
                fix="Use a key of the account that owns the namespace (SMITHERY_API_KEY).",
            )
        case 404:
            return NotFound(
                f"Smithery Connect does not know {what}" + (f" ({said})" if said else ""),
                fix="See `mcp-gateway connect list`.",
            )
        case 409:
            return ConnectionMismatch(
                f"{what} exists already and leads elsewhere" + (f" ({said})" if said else ""),
                fix="Choose another id, or replace it: mcp-gateway connect add NAME --id ID --replace",
            )
        case 400 | 422:
            return ConnectRefused(
                f"Smithery Connect refused {what}: {said or 'it says not why'}", fix="Correct what was given."
            )
        case _:
            return None


def words(body: bytes) -> str:
    """Return what an error body says, in a line; "" when it says nothing readable."""
    return said_in(_decoded(body))


def said_in(value: object) -> str:
    """Return the same of an error body that is decoded already."""
    fields = Fields(value)
    return next((text for key in ("message", "error") if (text := clean_text(fields.value(key), _SAID))), "")


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
