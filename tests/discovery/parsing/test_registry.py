"""The official registry's JSON into listings."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.discovery.parsing.registry import parse_page, parse_record, parse_versions
from gateway.errors import ListingInvalid
from gateway.listing import ListedVersion
from tests.discovery.parsing.test_fields import JSON

OFFICIAL = "io.modelcontextprotocol.registry/official"


def entry(status: str = "active", **server: Any) -> dict[str, Any]:
    """One entry of a page."""
    stated = {"name": "io.github.acme/weather", "description": "Forecasts", "version": "1.2.0", **server}
    return {"server": stated, "_meta": {OFFICIAL: {"status": status, "publishedAt": "p", "updatedAt": "u"}}}


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


@pytest.mark.parametrize(
    ("status", "read"), [("active", "active"), ("deleted", "deleted"), ("odd", "active"), (5, "active")]
)
def test_an_unknown_status_counts_as_active(status: object, read: str) -> None:
    wire = entry()
    wire["_meta"][OFFICIAL] |= {"status": status, "statusChangedAt": "c"}
    listing = parse_record(wire, fetched_at=0.0)
    assert (listing.status, listing.status_changed_at) == (read, "c")


def test_what_publishers_and_others_put_into_meta_means_nothing() -> None:
    wire = entry(_meta={"io.modelcontextprotocol.registry/publisher-provided": {"status": "deleted", "x": [1]}})
    wire["_meta"]["com.example/other"] = {"status": "deleted"}
    assert parse_record(wire, fetched_at=0.0) == parse_record(entry(), fetched_at=0.0)


def test_older_spellings_are_read_alike() -> None:
    today = entry(websiteUrl="https://acme.example", packages=[
        {"registryType": "npm", "identifier": "x", "version": "1.0.0", "runtimeHint": "npx",
         "packageArguments": [{"type": "positional", "valueHint": "city_name", "isRequired": True,
                               "isRepeated": True}],
         "environmentVariables": [{"name": "acme_key", "isSecret": True, "variables": {"is_secret": {}}}]},
    ])  # fmt: skip
    older = {**today["server"], "website_url": "https://acme.example", "packages": [
        {"registry_type": "npm", "identifier": "x", "version": "1.0.0", "runtime_hint": "npx",
         "package_arguments": [{"type": "positional", "value_hint": "city_name", "is_required": True,
                                "is_repeated": True}],
         "environment_variables": [{"name": "acme_key", "is_secret": True, "variables": {"is_secret": {}}}]},
    ]}  # fmt: skip
    del older["websiteUrl"]
    official = {"status": "active", "published_at": "p", "updated_at": "u", "is_latest": True}
    read = parse_record(today, fetched_at=1.0)
    assert parse_record({"server": older, "_meta": {OFFICIAL: official}}, fetched_at=1.0) == read
    assert parse_record({**older, "_meta": {OFFICIAL: official}}, fetched_at=1.0) == read


def test_older_releases_on_a_page_are_left_out_without_a_complaint() -> None:
    old = entry(version="1.0.0")
    old["_meta"][OFFICIAL]["isLatest"] = False
    page = parse_page({"servers": [old, entry()]}, fetched_at=0.0)
    assert ([listing.version for listing in page.listings], page.skipped, page.entries) == (["1.2.0"], 0, 2)


def test_versions_are_read_in_their_order() -> None:
    old, new = entry("deprecated", version="1.0.0"), entry()
    new["_meta"][OFFICIAL]["isLatest"] = True
    assert parse_versions({"servers": [new, old, {"server": {}}, 5]}) == (
        ListedVersion("1.2.0", "p", "active", True), ListedVersion("1.0.0", "p", "deprecated", False),
    )  # fmt: skip


@pytest.mark.parametrize(("cursor", "read"), [("a:1", "a:1"), ("", None), (None, None), (5, None)])
def test_the_paging_ends_without_a_cursor(cursor: object, read: str | None) -> None:
    page = parse_page({"servers": [entry(), {"server": {}}], "metadata": {"nextCursor": cursor}}, fetched_at=0.0)
    assert (page.cursor, page.skipped, page.entries) == (read, 1, 2)


@pytest.mark.parametrize("answer", [None, {}, {"servers": "x"}])
def test_an_answer_without_a_list_is_invalid(answer: object) -> None:
    with pytest.raises(ListingInvalid):
        parse_page(answer, fetched_at=0.0)
    with pytest.raises(ListingInvalid):
        parse_versions(answer)


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
