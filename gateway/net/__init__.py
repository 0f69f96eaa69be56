"""Outbound HTTP to addresses that strangers gave us: guarded, bounded, and blind to the process environment.

It does not know registries, packages or MCP; it fetches bytes and refuses to be led into the local network.
"""

from gateway.net.fetch import Fetcher
from gateway.net.guard import GuardedTransport, guarded_client

__all__ = ["Fetcher", "GuardedTransport", "guarded_client"]
