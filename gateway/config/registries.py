"""`[smithery]`, `[registry]` and `[[discover]]`: where servers are looked for. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated

from gateway.config.checks import filled, http_url, namespace, rate, registry_headers
from gateway.config.fields import COMPUTED, Check, Range


@dataclass(frozen=True, slots=True)
class SmitherySection:
    """The Smithery registry. Its key may also come from SMITHERY_API_KEY or a systemd credential."""

    enabled: Annotated[bool, "Look for servers in Smithery"] = True
    api_key: Annotated[
        str, "Key of your Smithery account (better: SMITHERY_API_KEY or api_key_file); never printed"
    ] = field(default="", repr=False)
    api_key_file: Annotated[str, "File that holds the key"] = ""
    base_url: Annotated[
        str,
        "Address of the registry's API",
        Check(filled),
        Check(http_url),
    ] = "https://api.smithery.ai"
    connect_url: Annotated[
        str,
        "Address of Smithery Connect",
        Check(filled),
        Check(http_url),
    ] = "https://smithery.run"
    namespace: Annotated[
        str, "Namespace for connections of Smithery Connect; empty: your first one, or a new one", Check(namespace)
    ] = ""
    connect_wait_s: Annotated[
        float, "Seconds to wait for a new connection, and for a person who signs in at its setup URL", Range(0, 3600)
    ] = 60.0
    timeout_s: Annotated[float, "Seconds that one request may take", Range(0.1, 300)] = 10.0
    rate: Annotated[str, "Most requests per second, minute or hour", Check(rate)] = "5/s"
    burst: Annotated[int, "Requests that may be sent at once before the rate holds", Range(1, 1000)] = 10
    retry_cap_s: Annotated[
        float, "Longest wait for a retry; when the registry asks for more, we give up", Range(0, 3600)
    ] = 30.0

    headers: Annotated[
        dict[str, str], "HTTP headers for every request to the registry; never printed", Check(registry_headers)
    ] = field(default_factory=dict, repr=False)
    key_from: str = field(default="", compare=False, metadata=COMPUTED)  # in words, e.g. the variable's name
    key_trouble: str = field(default="", compare=False, metadata=COMPUTED)  # with the last place it is looked for

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield what is wrong between the keys."""
        if self.api_key and self.api_key_file:
            yield "api_key_file", "give api_key or api_key_file, not both"


@dataclass(frozen=True, slots=True)
class RegistrySection:
    """The official MCP registry, the second source."""

    enabled: Annotated[bool, "Look for servers in the official registry"] = True
    sync: Annotated[
        bool, "Keep a copy of the whole registry in the store: searching and exact names then need no network"
    ] = True
    sync_every_s: Annotated[
        float,
        "Seconds between two looks at what changed; the registry asks for no more than hourly",
        Range(600, 604800),
    ] = 3600.0
    base_url: Annotated[
        str,
        "Address of the registry's API",
        Check(filled),
        Check(http_url),
    ] = "https://registry.modelcontextprotocol.io"
    timeout_s: Annotated[float, "Seconds that one request may take", Range(0.1, 300)] = 10.0
    rate: Annotated[str, "Most requests per second, minute or hour", Check(rate)] = "5/s"
    burst: Annotated[int, "Requests that may be sent at once before the rate holds", Range(1, 1000)] = 10
    retry_cap_s: Annotated[
        float, "Longest wait for a retry; when the registry asks for more, we give up", Range(0, 3600)
    ] = 30.0


@dataclass(frozen=True, slots=True)
class DiscoverRule:
    """A need that the gateway fills by itself: it keeps the best servers for it installed. Vacancies only."""

    query: Annotated[str, "What is needed, in words", Check(filled)]
    limit: Annotated[int, "How many servers", Range(1, 20)] = 1
    verified_only: Annotated[bool, "Only servers that the registry has verified"] = True
    allow: Annotated[tuple[str, ...], "Only listings that match one of these patterns; empty: any"] = ()
    deny: Annotated[tuple[str, ...], "Never listings that match one of these patterns"] = ()
