"""Packages and remotes of the official registry into connections."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.discovery.parsing.connections import connections_of
from gateway.discovery.parsing.spellings import RegistryFields
from gateway.listing import (
    BundleConnection,
    Connection,
    InputSpec,
    PackageConnection,
    RemoteConnection,
    UnsupportedConnection,
)

DIGEST = "ab" * 32


def connection(**server: Any) -> Connection:
    """The one connection of a server that has just this one."""
    (found,) = connections_of(RegistryFields(server))
    return found


def package(**wire: Any) -> Connection:
    """The connection that a package becomes."""
    return connection(packages=[wire])


def test_a_package_is_read_with_its_inputs() -> None:
    found = package(
        registryType="npm", identifier="@acme/weather-mcp", version="1.2.0",
        runtimeArguments=[{"type": "named", "name": "--loglevel", "value": "error"}],
        packageArguments=[
            {"type": "positional", "valueHint": "city", "isRequired": True, "isRepeated": True},
            {"type": "named", "name": "--units", "default": "si", "choices": ["si", "us"]},
            {"type": "positional"}, {"type": "else", "name": "x"},
        ],
        environmentVariables=[{"name": "ACME_KEY", "isRequired": True, "isSecret": True}, {"description": "nameless"}],
    )  # fmt: skip
    assert found == PackageConnection(
        "npm", "@acme/weather-mcp", "1.2.0",
        runtime_arguments=(InputSpec("--loglevel", value="error", kind="named"),),
        package_arguments=(
            InputSpec("city", required=True, repeated=True, kind="positional"),
            InputSpec("--units", default="si", choices=("si", "us"), kind="named"),
        ),
        environment=(InputSpec("ACME_KEY", required=True, secret=True),),
    )  # fmt: skip


@pytest.mark.parametrize("version", ["latest", "^1.2.0", ">=1", "1.x || 2", "*", "next", "1 2"])
def test_a_version_that_is_not_exact_cannot_be_pinned(version: str) -> None:
    found = package(registryType="npm", identifier="x", version=version)
    assert isinstance(found, UnsupportedConnection)
    assert "pinned" in found.reason


@pytest.mark.parametrize("identifier", ["--registry=x", "a b", "", "../x", "a;b", "$(x)", "a\nb", "https://x y"])
def test_an_identifier_that_a_command_could_take_for_something_else_is_refused(identifier: str) -> None:
    found = package(registryType="pypi", identifier=identifier, version="1")
    assert found == UnsupportedConnection("pypi", "The package's identifier is not one.")


def test_a_container_needs_no_version() -> None:
    found = package(registryType="oci", identifier="docker.io/acme/x:1.0@sha256:" + DIGEST)
    assert isinstance(found, PackageConnection)
    assert (found.registry, found.version) == ("oci", "")


def test_a_bundle_keeps_its_digest() -> None:
    found = package(registryType="mcpb", identifier="https://github.com/a/b/x.mcpb", fileSha256=DIGEST.upper())
    assert found == BundleConnection("https://github.com/a/b/x.mcpb", sha256=DIGEST)


@pytest.mark.parametrize("digest", [None, "", "ab", "zz" * 32, 5])
def test_a_bundle_without_a_digest_is_unsupported(digest: object) -> None:
    found = package(registryType="mcpb", identifier="https://github.com/a/b/x.mcpb", fileSha256=digest)
    assert isinstance(found, UnsupportedConnection)
    assert "SHA-256" in found.reason


def test_a_remote_keeps_headers_and_variables() -> None:
    header = {
        "name": "Authorization",
        "value": "Bearer {token}",
        "isSecret": True,
        "variables": {"token": {"isSecret": True}},
    }
    url = "https://{tenant}.acme.example/mcp"
    wire = {"type": "sse", "url": url, "variables": {"tenant": {"isRequired": True}}, "headers": [header]}
    variables = (InputSpec("token", secret=True),)
    assert connection(remotes=[wire]) == RemoteConnection(
        url, "sse",
        headers=(InputSpec("Authorization", value="Bearer {token}", secret=True, variables=variables),),
        variables=(InputSpec("tenant", required=True),),
    )  # fmt: skip


@pytest.mark.parametrize(
    "remote",
    [{"type": "streamable-http", "url": "file:///x"}, {"type": "pigeon", "url": "https://a/b"},
     {"type": "sse", "url": "https://a/b", "headers": [{"name": "X-Bad\r\nHost"}]}],
)  # fmt: skip
def test_a_remote_that_cannot_be_reached_safely_is_unsupported(remote: dict[str, Any]) -> None:
    found = connection(remotes=[remote])
    assert isinstance(found, UnsupportedConnection)


def test_a_server_without_packages_and_remotes_says_so() -> None:
    found = connection()
    assert isinstance(found, UnsupportedConnection)
    assert found.kind == "none"


@pytest.mark.parametrize(
    ("kind", "base_url"),
    [
        ("npm", "https://registry.npmjs.org"),
        ("npm", "https://registry.npmjs.org/"),
        ("pypi", "https://pypi.org"),
        ("oci", "https://docker.io"),
        ("nuget", "https://api.nuget.org/v3/index.json"),
        ("cargo", "https://crates.io"),
        ("go", "https://proxy.golang.org"),
        ("npm", ""),
    ],
)
def test_the_usual_registry_of_a_kind_may_be_named(kind: str, base_url: str) -> None:
    found = package(registryType=kind, identifier="x", version="1.0.0", registryBaseUrl=base_url)
    assert found == PackageConnection(kind, "x", "1.0.0")


@pytest.mark.parametrize(
    ("kind", "base_url"),
    [
        ("npm", "https://npm.evil.example"),
        ("npm", "http://registry.npmjs.org"),
        ("npm", "https://pypi.org"),
        ("npm", "https://registry.npmjs.org.evil.example"),
        ("pypi", "https://test.pypi.org"),
        ("oci", "https://ghcr.io"),
        ("npm", "nonsense"),
    ],
)
def test_a_package_of_another_registry_is_refused_with_the_reason(kind: str, base_url: str) -> None:
    found = package(registryType=kind, identifier="x", version="1.0.0", registryBaseUrl=base_url)
    assert isinstance(found, UnsupportedConnection)
    assert (found.kind, base_url in found.reason) == (kind, True)


def test_an_image_may_name_its_registry_itself() -> None:
    found = package(registryType="oci", identifier="ghcr.io/acme/x:1.0", registryBaseUrl="https://ghcr.io")
    assert found == PackageConnection("oci", "ghcr.io/acme/x:1.0")


def test_how_a_package_is_reached_and_started_is_kept() -> None:
    found = package(registryType="npm", identifier="x", version="1.0.0", runtimeHint="npx",
                    transport={"type": "streamable-http", "url": "http://localhost:{port}/mcp"})  # fmt: skip
    assert found == PackageConnection("npm", "x", "1.0.0", transport="streamable-http", runtime_hint="npx")


def test_every_connection_keeps_its_place() -> None:
    rows = [{"registryType": "cargo", "identifier": "a"}, {"identifier": "b"}]
    found = connections_of(RegistryFields({"packages": rows, "remotes": [{"type": "sse", "url": "https://a/b"}]}))
    assert [type(one) for one in found] == [PackageConnection, UnsupportedConnection, RemoteConnection]
