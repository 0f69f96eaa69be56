"""The official registry's JSON into listings."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.discovery.parsing.registry import parse_page, parse_record
from gateway.errors import ListingInvalid
from gateway.listing import (
    BundleConnection,
    Connection,
    InputSpec,
    PackageConnection,
    RemoteConnection,
    UnsupportedConnection,
)
from tests.discovery.parsing.test_fields import JSON

OFFICIAL = "io.modelcontextprotocol.registry/official"
DIGEST = "ab" * 32


def entry(status: str = "active", **server: Any) -> dict[str, Any]:
    """One entry of a page."""
    stated = {"name": "io.github.acme/weather", "description": "Forecasts", "version": "1.2.0", **server}
    return {"server": stated, "_meta": {OFFICIAL: {"status": status, "publishedAt": "p", "updatedAt": "u"}}}


def connection(**server: Any) -> Connection:
    """The one connection of a server that has just this one."""
    connections = parse_record(entry(**server), fetched_at=0.0).connections
    assert connections is not None
    assert len(connections) == 1
    return connections[0]


def package(**wire: Any) -> Connection:
    """The connection that a package becomes."""
    return connection(packages=[wire])


def test_a_record_is_read_with_its_dates_and_repository() -> None:
    wire = entry(
        title="Weather", repository={"url": "https://github.com/acme/weather"}, websiteUrl="https://acme.example"
    )
    listing = parse_record(wire, fetched_at=3.0)
    assert (listing.name, listing.display_name, listing.version) == ("io.github.acme/weather", "Weather", "1.2.0")
    assert (listing.repository, listing.homepage) == ("https://github.com/acme/weather", "https://acme.example")
    assert (listing.created_at, listing.updated_at, listing.status, listing.fetched_at) == ("p", "u", "active", 3.0)


def test_a_deprecated_server_says_what_its_publisher_says() -> None:
    wire = entry("deprecated")
    wire["_meta"][OFFICIAL]["statusMessage"] = "use another"
    listing = parse_record(wire, fetched_at=0.0)
    assert (listing.status, listing.status_message) == ("deprecated", "use another")


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


@pytest.mark.parametrize(("cursor", "read"), [("a:1", "a:1"), ("", None), (None, None), (5, None)])
def test_the_paging_ends_without_a_cursor(cursor: object, read: str | None) -> None:
    page = parse_page({"servers": [entry(), {"server": {}}], "metadata": {"nextCursor": cursor}}, fetched_at=0.0)
    assert (page.cursor, page.skipped, page.entries) == (read, 1, 2)


@pytest.mark.parametrize("answer", [None, {}, {"servers": "x"}])
def test_an_answer_without_a_list_is_invalid(answer: object) -> None:
    with pytest.raises(ListingInvalid):
        parse_page(answer, fetched_at=0.0)


PACKAGE = st.dictionaries(
    st.sampled_from(
        ["registryType", "identifier", "version", "fileSha256", "packageArguments", "environmentVariables", "transport"]
    ),
    JSON | st.sampled_from(["npm", "mcpb", "1.0", "https://a/b"]),
)
SERVER = st.fixed_dictionaries(
    {"name": st.sampled_from(["a.b/c", "x", None, "a/../b"])},
    optional={
        "packages": st.lists(PACKAGE, max_size=3) | JSON,
        "remotes": st.lists(PACKAGE, max_size=2) | JSON,
        "repository": JSON,
    },
)


@given(st.fixed_dictionaries({"server": SERVER | JSON}, optional={"_meta": JSON}) | JSON)
def test_no_record_does_worse_than_being_invalid(value: object) -> None:
    with suppress(ListingInvalid):
        assert parse_record(value, fetched_at=0.0).connections
