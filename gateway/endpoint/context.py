"""One request's values on their way through the endpoint. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from gateway.endpoint.decisions import decision_key
from gateway.model import Caller

PER_LEG_META = (
    "io.modelcontextprotocol/protocolVersion",
    "io.modelcontextprotocol/clientCapabilities",
    "io.modelcontextprotocol/clientInfo",
)
"""What a client says of its own connection to us; the connection to the child has its own."""

Members = dict[str, msgspec.Raw]


@dataclass(frozen=True, slots=True)
class RequestContext:
    """Who asks, in which session (empty without one), in which round, in which era."""

    caller: Caller
    sid: str = ""
    round: int = 0
    modern: bool = False
    via: str = "direct"

    @property
    def key(self) -> str:
        """Whose decisions count for this request."""
        return decision_key(self.caller, self.sid)


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A tools/call as it came: the name, and all members of its params as raw JSON."""

    name: str
    params: Members

    @property
    def arguments(self) -> bytes:
        """The arguments' raw JSON; an empty object when there are none."""
        raw = self.params.get("arguments")
        text = b"" if raw is None else bytes(raw)
        return b"{}" if text in {b"", b"null"} else text

    def for_child(self, tool: str) -> bytes:
        """The params for the child: its own name of the tool, without what belongs to our connection."""
        members = {**self.params, "name": msgspec.Raw(msgspec.json.encode(tool))}
        if "_meta" in members:
            meta = msgspec.json.decode(members.pop("_meta"), type=Members)
            for key in PER_LEG_META:
                meta.pop(key, None)
            if meta:
                members["_meta"] = msgspec.Raw(msgspec.json.encode(meta))
        return msgspec.json.encode(members)


def call_request(name: str, arguments: bytes) -> CallRequest:
    """A call that did not come over the wire by itself."""
    return CallRequest(name, {"name": msgspec.Raw(msgspec.json.encode(name)), "arguments": msgspec.Raw(arguments)})
