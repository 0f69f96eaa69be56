"""MCP on the wire, sans I/O: bytes in, events out. No sockets, no clocks, no tasks."""
