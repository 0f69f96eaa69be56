"""Values that many tests of the install room start from."""

from __future__ import annotations

from gateway.install.planning.machine import Machine, Program
from gateway.install.planning.rules import Rules
from gateway.listing import Connection, Listing
from gateway.model import Source

NOW = 1_800_000_000.0
DAY = 86400.0

MACHINE = Machine(
    platform="linux",
    arch="x86_64",
    node=Program("/usr/bin/node", (22, 1, 0)),
    npm=Program("/usr/bin/npm", (11, 0, 0)),
    python=Program("/usr/bin/python3", (3, 12, 1)),
    uv=Program("/opt/uv", (0, 9, 0)),
    git=Program("/usr/bin/git", (2, 40, 0)),
    path="/usr/bin:/bin",
)
BARE = Machine(platform="linux")
RULES = Rules()


def listing(
    *connections: Connection, source: Source = Source.REGISTRY, name: str = "io.github.acme/thing", **more: object
) -> Listing:
    """A full listing with these connections."""
    return Listing(source=source, name=name, connections=connections, **more)  # type: ignore[arg-type]
