"""The starter catalogue: real third-party servers with exact versions, for a gateway with no configuration. No I/O.

Each pin was installed and spoken to when it was written here. A test installs them all.
"""

from __future__ import annotations

from gateway.errors import NotFound
from gateway.listing import InputSpec, Listing, PackageConnection
from gateway.model import Source

# mcp-server-fetch (through readabilipy) runs `npm install` inside itself at the first fetch when it finds node on PATH:
# unpinned code, and npm's chatter on the protocol's stdout. Without node it extracts text in Python.
_NO_NODE = InputSpec(name="PATH", value="${content}/venv/bin")

STARTER: tuple[Listing, ...] = (
    Listing(
        source=Source.STARTER,
        name="time",
        display_name="Time",
        description="The current time, and conversion between time zones.",
        remote=False,
        verified=True,
        version="2026.10.19",
        connections=(PackageConnection(registry="pypi", identifier="mcp-server-time", version="2026.10.19"),),
    ),
    Listing(
        source=Source.STARTER,
        name="git",
        display_name="Git",
        description="Read, search and change Git repositories on this machine.",
        remote=False,
        verified=True,
        version="2026.10.19",
        connections=(PackageConnection(registry="pypi", identifier="mcp-server-git", version="2026.10.19"),),
    ),
    Listing(
        source=Source.STARTER,
        name="fetch",
        display_name="Fetch",
        description="Fetch a web page and convert it to markdown.",
        remote=False,
        verified=True,
        version="2026.10.24",
        connections=(
            PackageConnection(
                registry="pypi", identifier="mcp-server-fetch", version="2026.10.24", environment=(_NO_NODE,)
            ),
        ),
    ),
    Listing(
        source=Source.STARTER,
        name="filesystem",
        display_name="Filesystem",
        description="Read and write files in one folder, by default a private one in the gateway's state directory.",
        remote=False,
        verified=True,
        version="2026.8.31",
        connections=(
            PackageConnection(
                registry="npm",
                identifier="@modelcontextprotocol/server-filesystem",
                version="2026.8.31",
                package_arguments=(
                    InputSpec(
                        name="folder",
                        description="The folders that may be read and written",
                        default="${data}/files",
                        format="filepath",
                        kind="positional",
                        repeated=True,
                    ),
                ),
            ),
        ),
    ),
    Listing(
        source=Source.STARTER,
        name="memory",
        display_name="Memory",
        description="A knowledge graph that survives between conversations.",
        remote=False,
        verified=True,
        version="2026.8.31",
        connections=(
            PackageConnection(
                registry="npm",
                identifier="@modelcontextprotocol/server-memory",
                version="2026.8.31",
                environment=(
                    InputSpec(
                        name="MEMORY_FILE_PATH", description="Where the graph is kept", default="${data}/memory.jsonl"
                    ),
                ),
            ),
        ),
    ),
    Listing(
        source=Source.STARTER,
        name="thinking",
        display_name="Sequential thinking",
        description="A scratch pad for step-by-step reasoning.",
        remote=False,
        verified=True,
        version="2026.8.31",
        connections=(
            PackageConnection(
                registry="npm", identifier="@modelcontextprotocol/server-sequential-thinking", version="2026.8.31"
            ),
        ),
    ),
    Listing(
        source=Source.STARTER,
        name="everything",
        display_name="Everything",
        description="The reference server that shows every feature of the protocol; good for trying things out.",
        remote=False,
        verified=True,
        version="2026.8.31",
        connections=(
            PackageConnection(
                registry="npm", identifier="@modelcontextprotocol/server-everything", version="2026.8.31"
            ),
        ),
    ),
)

NEEDS_GIT = frozenset({"git"})
"""Starter servers that call the `git` program."""


def starter_listing(name: str) -> Listing:
    """Return one starter server.

    Raises: NotFound.
    """
    for listing in STARTER:
        if listing.name == name:
            return listing
    raise NotFound(
        f"there is no starter server {name!r}", fix=f"There are: {', '.join(item.name for item in STARTER)}."
    )
