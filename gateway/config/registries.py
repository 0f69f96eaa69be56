"""`[smithery]`, `[registry]` and `[[discover]]`: where servers are looked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SmitherySection:
    """The Smithery registry. The key may also come from SMITHERY_API_KEY or a systemd credential."""

    enabled: bool = True
    api_key: str = ""
    api_key_file: str = ""
    base_url: str = "https://api.smithery.ai"
    connect_url: str = "https://smithery.run"
    timeout_s: float = 10.0
    rate: str = "5/s"
    burst: int = 10
    retry_cap_s: float = 30.0


@dataclass(frozen=True, slots=True)
class RegistrySection:
    """The official MCP registry."""

    enabled: bool = True
    base_url: str = "https://registry.modelcontextprotocol.io"
    timeout_s: float = 10.0
    rate: str = "5/s"
    burst: int = 10
    retry_cap_s: float = 30.0


@dataclass(frozen=True, slots=True)
class DiscoverRule:
    """`[[discover]]`: keep the best `limit` servers for a need installed by itself."""

    query: str
    limit: int = 1
    verified_only: bool = True
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
