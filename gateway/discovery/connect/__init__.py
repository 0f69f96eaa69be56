"""Smithery Connect: connections that Smithery keeps for a caller, the tools behind them, namespaces, service tokens."""
