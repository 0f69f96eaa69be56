"""Smithery's JSON into listings."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.discovery.parsing.smithery import parse_item, parse_page, parse_record
from gateway.errors import ListingInvalid
from gateway.listing import BundleConnection, Connection, Listing, RemoteConnection, UnsupportedConnection
from tests.discovery.parsing.test_fields import JSON

BASE = "https://api.example"
ITEM = {
    "id": "8a6f0c52-1111-4222-8333-444455556666", "qualifiedName": "acme/weather", "namespace": "acme",
    "slug": "weather",
    "displayName": "Acme Weather", "description": "Forecasts", "iconUrl": None, "verified": True, "useCount": 4211,
    "remote": True, "isDeployed": True, "createdAt": "2026-02-03T04:05:06.000Z", "homepage": "https://acme.example",
    "bySmithery": False, "owner": "user_01AB", "score": 0.0164,
}  # fmt: skip
NAMES = st.sampled_from(["acme/echo", "solo", "../x", "", "a" * 300, None, 5])


def connection(**wire: Any) -> Connection:
    """The one connection of a record that has just this one."""
    record = parse_record({"qualifiedName": "a/b", "connections": [wire]}, base_url=BASE, fetched_at=1.0)
    assert record.connections is not None
    return record.connections[0]


def test_an_item_becomes_a_listing_whose_connections_are_unknown() -> None:
    listing = parse_item(ITEM, fetched_at=5.0)
    assert (listing.name, listing.display_name, listing.verified, listing.use_count) == (
        "acme/weather",
        "Acme Weather",
        True,
        4211,
    )
    assert (listing.remote, listing.owner, listing.score, listing.fetched_at) == (True, "acme", 0.0164, 5.0)
    assert listing.connections is None
    assert listing.tools is None


def test_unknown_and_missing_fields_are_tolerated() -> None:
    listing = parse_item({"qualifiedName": "acme/x", "novelty": {"a": [1]}, "score": None}, fetched_at=0.0)
    assert (listing.display_name, listing.remote, listing.verified, listing.use_count) == ("", None, False, None)


def test_a_name_with_the_old_at_sign_is_the_same_name() -> None:
    assert parse_item({"qualifiedName": "@acme/x"}, fetched_at=0.0).name == "acme/x"


def test_a_repository_is_known_when_the_home_page_is_one() -> None:
    listing = parse_item({"qualifiedName": "a/b", "homepage": "https://github.com/a/b"}, fetched_at=0.0)
    assert listing.repository == "https://github.com/a/b"


def test_a_truthy_word_does_not_verify_a_server() -> None:
    assert parse_item({"qualifiedName": "a/b", "verified": "yes"}, fetched_at=0.0).verified is False


@pytest.mark.parametrize("entry", [None, 17, [], {}, {"qualifiedName": None}, {"qualifiedName": "../../etc/passwd"}])
def test_an_entry_without_a_usable_name_is_invalid(entry: object) -> None:
    with pytest.raises(ListingInvalid):
        parse_item(entry, fetched_at=0.0)


def test_bad_entries_of_a_page_are_skipped_and_counted() -> None:
    page = parse_page(
        {"servers": [None, ITEM, {"qualifiedName": "a b"}], "pagination": {"totalPages": 3}}, fetched_at=0.0
    )
    assert [listing.name for listing in page.listings] == ["acme/weather"]
    assert (page.skipped, page.entries, page.total_pages) == (2, 3, 3)


@pytest.mark.parametrize("answer", [None, [], {}, {"servers": None}, {"servers": {"a": 1}}])
def test_an_answer_without_a_list_is_invalid_as_a_whole(answer: object) -> None:
    with pytest.raises(ListingInvalid):
        parse_page(answer, fetched_at=0.0)


def test_a_relative_bundle_is_on_the_registry_and_needs_its_key() -> None:
    found = connection(
        type="stdio", runtime="node", bundleUrl="/servers/a%2Fb/download", configSchema={"type": "object"}
    )
    wanted = BundleConnection(f"{BASE}/servers/a%2Fb/download", "node", {"type": "object"}, authorize=True)
    assert found == wanted


def test_an_absolute_bundle_gets_no_key() -> None:
    found = connection(type="stdio", bundleUrl="https://files.example/b.mcpb")
    assert found == BundleConnection("https://files.example/b.mcpb")


@pytest.mark.parametrize(
    "url", ["//evil.example/x", "x/y", "/a/../b", "/a\nb", "file:///etc/passwd", "/a\\b", "", 5, ["x"]]
)
def test_a_bundle_address_that_could_lead_elsewhere_is_unsupported(url: object) -> None:
    found = connection(type="stdio", bundleUrl=url)
    assert isinstance(found, UnsupportedConnection)
    assert "no usable bundle" in found.reason


def test_a_remote_keeps_its_schema() -> None:
    schema = {"type": "object", "properties": {"k": {"type": "string", "x-from": {"header": "x-k"}}}}
    found = connection(type="http", deploymentUrl="https://server.example/a/b", configSchema=schema)
    assert found == RemoteConnection("https://server.example/a/b", config_schema=schema)


def test_the_address_of_the_record_serves_a_connection_without_one() -> None:
    wire = {"qualifiedName": "a/b", "deploymentUrl": "https://s.example/a", "connections": [{"type": "http"}]}
    assert parse_record(wire, base_url=BASE, fetched_at=0.0).connections == (RemoteConnection("https://s.example/a"),)


@pytest.mark.parametrize(
    ("wire", "kind", "words"),
    [
        ({"type": "stdio", "stdioFunction": "config => 1"}, "stdioFunction", "never run"),
        ({"type": "stdio", "command": "npx", "args": []}, "command", "never run"),
        ({"type": "stdio"}, "stdio", "no usable bundle"),
        ({"type": "http"}, "http", "no usable http(s) address"),
        ({"type": "http", "deploymentUrl": "ws://a"}, "http", "no usable http(s) address"),
        ({"type": "carrier-pigeon"}, "carrier-pigeon", "not known"),
        ({}, "unknown", "not known"),
    ],
)
def test_what_cannot_be_run_says_why(wire: dict[str, Any], kind: str, words: str) -> None:
    found = connection(**wire)
    assert isinstance(found, UnsupportedConnection)
    assert found.kind == kind
    assert words in found.reason


@pytest.mark.parametrize("connections", [[], None, "x", [None]])
def test_a_record_without_connections_says_so(connections: object) -> None:
    record = parse_record({"qualifiedName": "a/b", "connections": connections}, base_url=BASE, fetched_at=0.0)
    assert record.connections is not None
    assert [one.kind for one in record.connections if isinstance(one, UnsupportedConnection)] == ["none"]


def test_tools_and_scan_are_read_and_nameless_tools_left_out() -> None:
    tools = [{"name": "add", "description": None, "inputSchema": {"type": "object"}}, {"description": "x"}, 5]
    wire = {"qualifiedName": "a/b", "security": {"scanPassed": False}, "tools": tools}
    record = parse_record(wire, base_url=BASE, fetched_at=0.0)
    assert record.scan_passed is False
    assert record.tools is not None
    assert [(tool.name, tool.description, tool.input_schema) for tool in record.tools] == [
        ("add", "", {"type": "object"})
    ]


@given(
    st.fixed_dictionaries({"qualifiedName": NAMES}, optional={key: JSON for key in ITEM if key != "qualifiedName"})
    | JSON
)
def test_no_item_does_worse_than_being_invalid(value: object) -> None:
    with suppress(ListingInvalid):
        assert isinstance(parse_item(value, fetched_at=0.0), Listing)


CONNECTION = st.dictionaries(
    st.sampled_from(["type", "bundleUrl", "deploymentUrl", "configSchema", "stdioFunction", "runtime"]),
    JSON | st.sampled_from(["stdio", "http", "/x", "https://a/b"]),
)
RECORD = st.fixed_dictionaries(
    {"qualifiedName": NAMES},
    optional={"connections": st.lists(CONNECTION, max_size=3) | JSON, "tools": JSON, "security": JSON},
)


@given(RECORD)
def test_no_record_does_worse_than_being_invalid(value: object) -> None:
    with suppress(ListingInvalid):
        assert parse_record(value, base_url=BASE, fetched_at=0.0).connections
