"""What registries say about servers: listings and their connections. Claims, untrusted, nothing more. No I/O."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.model import Source


class InputSpec(msgspec.Struct, frozen=True):
    """One value a server wants: an environment variable, a header, an argument (the registry's `Input`).

    `value` is fixed by the publisher and may hold `{variable}`; `kind` is only used for arguments.
    """

    name: str
    description: str = ""
    required: bool = False
    secret: bool = False
    default: str | None = None
    value: str | None = None
    placeholder: str | None = None
    choices: tuple[str, ...] = ()
    format: str = "string"  # string | number | boolean | filepath
    kind: str = ""  # "" | positional | named
    repeated: bool = False
    variables: tuple[InputSpec, ...] = ()


class BundleConnection(msgspec.Struct, frozen=True, tag="bundle"):
    """An MCPB bundle to download. `authorize`: the registry's own address, send its bearer token."""

    url: str
    runtime: str = ""  # node | python | binary | bun | uv; a claim, the manifest decides
    config_schema: dict[str, Any] = {}
    sha256: str | None = None
    authorize: bool = False


class RemoteConnection(msgspec.Struct, frozen=True, tag="remote"):
    """A server somewhere else, spoken to over HTTP; `{variables}` of `url` and `headers` are in `variables`."""

    url: str
    transport: str = "streamable-http"  # or sse
    config_schema: dict[str, Any] = {}
    headers: tuple[InputSpec, ...] = ()
    variables: tuple[InputSpec, ...] = ()


class PackageConnection(msgspec.Struct, frozen=True, tag="package"):
    """A package of a language's registry."""

    registry: str  # npm | pypi | oci | nuget | cargo | ...
    identifier: str
    version: str = ""
    runtime_arguments: tuple[InputSpec, ...] = ()
    package_arguments: tuple[InputSpec, ...] = ()
    environment: tuple[InputSpec, ...] = ()
    transport: str = "stdio"
    runtime_hint: str = ""  # npx | uvx | docker | dnx | ...: what the publisher would start it with; a claim


class UnsupportedConnection(msgspec.Struct, frozen=True, tag="unsupported"):
    """Something we will not or cannot run, and why."""

    kind: str
    reason: str


Connection = BundleConnection | RemoteConnection | PackageConnection | UnsupportedConnection


class ListedTool(msgspec.Struct, frozen=True):
    """A tool as the listing claims it."""

    name: str
    description: str = ""
    input_schema: dict[str, Any] = {}


class Listing(msgspec.Struct, frozen=True):
    """One server as one registry describes it.

    `connections` and `tools` are None when only the search result was seen (not the full record).
    """

    source: Source
    name: str  # the registry's qualified name, e.g. "acme/echo" or "io.github.a/b"
    display_name: str = ""
    description: str = ""
    remote: bool | None = None
    verified: bool = False
    use_count: int | None = None
    version: str | None = None
    owner: str | None = None
    homepage: str | None = None
    repository: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    status: str = "active"  # active | deprecated | deleted
    status_message: str = ""
    status_changed_at: str | None = None  # RFC 3339
    scan_passed: bool | None = None
    score: float | None = None
    connections: tuple[Connection, ...] | None = None
    tools: tuple[ListedTool, ...] | None = None
    fetched_at: float = 0.0  # seconds since the epoch


class ListedVersion(msgspec.Struct, frozen=True):
    """One of the releases of a server that a registry knows. Times are RFC 3339."""

    version: str
    published_at: str | None = None
    status: str = "active"  # active | deprecated | deleted
    is_latest: bool = False
