"""A small MCP server made with the official SDK, on stdio; run as a program. It speaks both eras."""

from __future__ import annotations

from mcp.server.mcpserver import MCPServer

server = MCPServer("sums", version="1")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def divide(a: int, b: int) -> float:
    """Divide a by b; fails when b is zero."""
    return a / b


if __name__ == "__main__":
    server.run()
