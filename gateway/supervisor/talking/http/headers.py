"""The headers of one request to a remote MCP server. No I/O."""

from __future__ import annotations

import base64
import re
from typing import Final

import msgspec

from gateway.net.bodies import ASK_PLAIN
from gateway.protocol import codes, meta
from gateway.protocol.handshake import Agreed, Era

SESSION: Final = "mcp-session-id"

_NAMED: Final = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_PLAIN = re.compile(r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$")


def header_value(text: str) -> str:
    """Return `text` as it is if a header may carry it, else wrapped in base64 as the specification says."""
    if _PLAIN.match(text) and not text.startswith("=?base64?"):
        return text
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


def request_headers(method: str, params: bytes, agreed: Agreed | None, session: str) -> dict[str, str]:
    """Return what a POST must carry. Before an agreement only the modern probe names a revision."""
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream", **ASK_PLAIN}
    is_probe = agreed is None and method == "server/discover"
    if is_probe or (agreed is not None and agreed.era is Era.MODERN):
        headers["mcp-method"] = method
        member = meta.members(params).get(_NAMED.get(method, ""))
        if member is not None:
            headers["mcp-name"] = header_value(str(msgspec.json.decode(member)))
    if agreed is not None or is_probe:
        headers["mcp-protocol-version"] = agreed.revision if agreed is not None else codes.MODERN_REVISIONS[0]
    if session:
        headers[SESSION] = session
    return headers
