"""The packages and remotes of the official registry's JSON into connections, each usable or with the reason. No I/O."""

from __future__ import annotations

import re

from gateway.discovery.parsing.fields import web_address
from gateway.discovery.parsing.inputs import parse_arguments, parse_inputs, parse_variables
from gateway.discovery.parsing.spellings import RegistryFields
from gateway.listing import BundleConnection, Connection, PackageConnection, RemoteConnection, UnsupportedConnection

_SHA256 = re.compile(r"[0-9a-f]{64}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# Nothing that a command line could take for an option, nothing that could leave its place in an address.
_IDENTIFIER = re.compile(r"[A-Za-z0-9@][A-Za-z0-9._/@:+-]*")
_EXACT_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_!-]*")
_VAGUE_VERSIONS = frozenset({"latest", "next", "*", "x"})
_NOTHING = "The registry lists this server without any package or remote address."
# Where each kind of package lives when the listing does not say so, and what saying so usually looks like.
_HOMES = {
    "npm": {"registry.npmjs.org", "www.npmjs.com", "npmjs.com"},
    "pypi": {"pypi.org", "files.pythonhosted.org"},
    "oci": {"docker.io", "index.docker.io", "registry-1.docker.io", "hub.docker.com"},
    "nuget": {"api.nuget.org", "www.nuget.org", "nuget.org"},
    "cargo": {"crates.io", "index.crates.io", "static.crates.io"},
    "go": {"proxy.golang.org", "pkg.go.dev"},
}
_DOCKER = {"docker", "docker_hub", "docker-hub"}  # older names of "oci"


def connections_of(server: RegistryFields) -> tuple[Connection, ...]:
    """Return every way to run or reach a server, in the publisher's order; never empty."""
    packages = tuple(_package(row) for row in server.rows("packages"))
    remotes = tuple(_remote(row) for row in server.rows("remotes"))
    return packages + remotes or (UnsupportedConnection("none", _NOTHING),)


def _package(row: RegistryFields) -> Connection:
    kind = row.line("registryType").lower()
    kind = "oci" if kind in _DOCKER else kind
    if not kind:
        return UnsupportedConnection("package", "The package does not say of which registry it is.")
    if kind == "mcpb":
        return _bundle(row)
    identifier, version = row.line("identifier") or row.line("name"), row.line("version")
    why = _why_not(kind, identifier, version, row.line("registryBaseUrl"))
    if why is not None:
        return UnsupportedConnection(kind, why)
    return PackageConnection(
        registry=kind,
        identifier=identifier,
        version=version,
        runtime_arguments=parse_arguments(row.rows("runtimeArguments")),
        package_arguments=parse_arguments(row.rows("packageArguments")),
        environment=parse_inputs(row.rows("environmentVariables")),
        transport=row.fields("transport").line("type") or "stdio",
        runtime_hint=row.line("runtimeHint"),
    )


def _why_not(kind: str, identifier: str, version: str, base_url: str) -> str | None:
    if not _IDENTIFIER.fullmatch(identifier) or ".." in identifier:
        return "The package's identifier is not one."
    if version and not _is_exact(version):
        return f"The version {version!r} is not an exact one, so it cannot be pinned."
    if base_url and not _is_home(kind, identifier, base_url):
        return f"The package lives in another registry ({base_url[:100]}) than the usual one of its kind."
    return None


def _is_exact(version: str) -> bool:
    return bool(_EXACT_VERSION.fullmatch(version)) and version.lower() not in _VAGUE_VERSIONS


def _is_home(kind: str, identifier: str, base_url: str) -> bool:
    """Whether a package comes from where packages of its kind come from; an image may name its registry itself."""
    if not base_url.startswith("https://"):
        return False
    host = base_url.removeprefix("https://").split("/", 1)[0].lower()
    return host in _HOMES.get(kind, set()) or (kind == "oci" and identifier.lower().startswith(f"{host}/"))


def _bundle(row: RegistryFields) -> Connection:
    url = row.address("identifier")
    digest = row.line("fileSha256").lower()
    if url is None:
        return UnsupportedConnection("mcpb", "The bundle has no usable http(s) address.")
    if not _SHA256.fullmatch(digest):
        return UnsupportedConnection("mcpb", "The bundle comes without the SHA-256 that the registry's rules demand.")
    return BundleConnection(url, sha256=digest)


def _remote(row: RegistryFields) -> Connection:
    kind = row.line("type") or "remote"
    url = web_address(row.value("url"))
    if kind not in {"streamable-http", "sse"}:
        return UnsupportedConnection(kind, f"A remote of type {kind!r} is not known here.")
    if url is None:
        return UnsupportedConnection(kind, "The remote has no usable http(s) address.")
    headers = parse_inputs(row.rows("headers"))
    if not all(_HEADER.fullmatch(header.name) for header in headers):
        return UnsupportedConnection(kind, "The remote wants a header whose name is not one.")
    return RemoteConnection(url, transport=kind, headers=headers, variables=parse_variables(row))
