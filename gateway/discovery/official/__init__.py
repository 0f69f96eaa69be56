"""The official MCP registry beyond one question: searching by every word, releases, and the copy in the store."""
