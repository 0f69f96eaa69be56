"""What a person reads when the gateway is up: where it is, where the token lies, what MassGen wants. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SERVED = frozenset({"ready", "resting"})


@dataclass(frozen=True, slots=True)
class Announcement:
    """The facts of the start-up message."""

    url: str
    agents: str  # where the agents' token is found
    admin: str
    auth_enabled: bool
    massgen: str
    servers: Mapping[str, str]  # name -> state, or "resting": the next call starts it


def announcement(told: Announcement) -> str:
    """Spell the message."""
    base = told.url.removesuffix("/mcp")
    ready = [_served(name, state) for name, state in told.servers.items() if state in SERVED]
    waiting = [f"{name} ({state})" for name, state in told.servers.items() if state not in SERVED]
    lines = [
        "",
        f"mcp-gateway is serving {len(ready)} of {len(told.servers)} servers: {', '.join(ready) or 'none yet'}",
        *([f"  not ready: {', '.join(waiting)}   (mcp-gateway status tells why)"] if waiting else []),
        f"  endpoint    {told.url}",
        f"  dashboard   {base}/ui",
        f"  token       {told.agents if told.auth_enabled else 'none needed: [auth] enabled = false'}",
        f"  admin token {told.admin if told.auth_enabled else 'none needed'}",
        "",
        "MassGen: put this under each agent's backend (mcp-gateway massgen config --agents a,b prints it for others):",
        "",
        *(f"  {line}" for line in told.massgen.splitlines()),
        "",
    ]
    return "\n".join(lines)


def _served(name: str, state: str) -> str:
    return name if state == "ready" else f"{name} (starts when called)"
