"""The bridge's inside: MCP lines on stdio to and from a running gateway's HTTP endpoint. Standard library only."""
