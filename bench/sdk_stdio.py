"""A stdio server on the official SDK, as most installed servers are: one tool. Started by `many_servers.py`."""

from __future__ import annotations

from mcp.server import MCPServer

server = MCPServer("sdk")


@server.tool()
def echo(text: str) -> str:
    """Say it again."""
    return text


if __name__ == "__main__":
    server.run("stdio")
