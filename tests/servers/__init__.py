"""Little real MCP servers on stdio (standard library only) and one over HTTP, for tests. Run as scripts."""
