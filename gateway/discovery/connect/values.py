"""What Connect says about connections, namespaces and tokens, as values. Claims of somebody else. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

CONNECTED: Final = "connected"
DISCONNECTED: Final = "disconnected"
ERROR: Final = "error"
AUTH_REQUIRED: Final = "auth_required"
INPUT_REQUIRED: Final = "input_required"
STATES: Final = (CONNECTED, DISCONNECTED, ERROR, AUTH_REQUIRED, INPUT_REQUIRED)
UNKNOWN: Final = "unknown"
MAX_TTL_S: Final = 24 * 3600  # no service token lives longer than a day


def _span(seconds: int) -> str:
    """Spell a span in the largest unit that fits exactly: "1h", "90m", "45s"."""
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


@dataclass(frozen=True, slots=True)
class AskedValue:
    """A header or a query parameter that a connection wants from a person."""

    name: str
    label: str = ""
    required: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """How a connection stands. `state` is one of `STATES`, or a word that we do not know (yet).

    `setup_url` is an https address for a person's browser, None when there is none that may be shown. `headers` and
    `query` are what can be given, `missing_headers` and `missing_query` the names of what has to be.
    """

    state: str = UNKNOWN
    message: str = ""
    setup_url: str | None = None
    headers: tuple[AskedValue, ...] = ()
    query: tuple[AskedValue, ...] = ()
    missing_headers: tuple[str, ...] = ()
    missing_query: tuple[str, ...] = ()

    @property
    def is_connected(self) -> bool:
        """Whether its tools can be used."""
        return self.state == CONNECTED

    @property
    def needs_a_person(self) -> bool:
        """Whether waiting changes nothing until somebody acts."""
        return self.state in {AUTH_REQUIRED, INPUT_REQUIRED}


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection in a namespace. `mcp_url` is the address behind it, None for a local (uplink) server.

    Headers are write-only at Connect: they never come back.
    """

    id: str
    name: str
    mcp_url: str | None = None
    transport: str = "http"
    metadata: dict[str, Any] = field(default_factory=dict)
    created_at: str | None = None
    server_name: str = ""
    server_version: str = ""
    status: Status = Status()


@dataclass(frozen=True, slots=True)
class ConnectionPage:
    """Some of a namespace's connections; `cursor` asks for the next ones, None at the end."""

    connections: tuple[Connection, ...]
    cursor: str | None = None
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Filter:
    """Which connections to list; "" and {}: any. `limit` is how many come with one answer, 1 to 100."""

    name: str = ""
    mcp_url: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    limit: int = 100


@dataclass(frozen=True, slots=True)
class NewConnection:
    """What to connect to: a `server` by its qualified name, or an `mcp_url`. `headers` hold secrets."""

    server: str = ""
    mcp_url: str = ""
    name: str = ""
    metadata: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict, repr=False)

    def body(self) -> dict[str, Any]:
        """Spell it as Connect reads it."""
        spelled: dict[str, Any] = {"server": self.server, "mcpUrl": self.mcp_url, "name": self.name}
        body = {key: value for key, value in spelled.items() if value}
        if self.metadata is not None:
            body["metadata"] = self.metadata
        if self.headers:
            body["headers"] = self.headers
        return body


@dataclass(frozen=True, slots=True)
class Grant:
    """What a service token may be used for. `ttl_s` in seconds, at most a day."""

    namespace: str
    operations: tuple[str, ...] = ("read", "execute")
    resources: str = "connections"
    ttl_s: int = 3600
    metadata: dict[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """Spell it as one attenuation of a policy."""
        policy: dict[str, Any] = {
            "namespaces": self.namespace,
            "resources": self.resources,
            "operations": list(self.operations),
            "ttl": _span(max(1, min(self.ttl_s, MAX_TTL_S))),
        }
        if self.metadata:
            policy["metadata"] = self.metadata
        return {"policy": [policy]}


@dataclass(frozen=True, slots=True)
class ServiceToken:
    """A bearer token of limited reach. `expires_at`: seconds since the epoch, None when it was not said."""

    value: str = field(repr=False)
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class ConnectTool:
    """A tool behind a connection: the definition as it came, and its name and description for people."""

    name: str
    description: str
    definition: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """What a call of a tool gave: an MCP result; `is_error` when the tool itself says that it failed."""

    result: dict[str, Any]
    is_error: bool = False
