"""One MCP face over everything that is installed: names, lists, calls, sessions, and the gate in front of it all."""
