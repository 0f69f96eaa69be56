"""Joining a full record with a search's entry."""

from __future__ import annotations

from gateway.discovery.claims import with_claims, with_details
from gateway.listing import ListedTool, PackageConnection
from tests.discovery.support import listing

CONNECTIONS = (PackageConnection("npm", "x", "1"),)


def test_a_record_gains_what_only_searches_tell() -> None:
    record = listing("a/b", connections=CONNECTIONS, description="full")
    claim = listing(
        "a/b", verified=True, use_count=5, owner="a", homepage="https://a", created_at="t", description="short"
    )
    whole = with_claims(record, claim)
    assert (whole.verified, whole.use_count, whole.owner, whole.homepage, whole.created_at) == (
        True,
        5,
        "a",
        "https://a",
        "t",
    )
    assert (whole.connections, whole.description) == (CONNECTIONS, "full")


def test_a_verification_that_was_withdrawn_is_gone() -> None:
    assert with_claims(listing("a/b", verified=True), listing("a/b", verified=False)).verified is False


def test_without_a_claim_a_record_stays_as_it_is() -> None:
    record = listing("a/b", connections=CONNECTIONS)
    assert with_claims(record, None) is record


def test_an_entry_gains_the_details_that_are_remembered() -> None:
    remembered = listing(
        "a/b", connections=CONNECTIONS, tools=(ListedTool("t"),), scan_passed=True, version="1", use_count=1
    )
    whole = with_details(listing("a/b", use_count=9), remembered)
    assert (whole.connections, whole.tools, whole.scan_passed, whole.version) == (
        CONNECTIONS,
        (ListedTool("t"),),
        True,
        "1",
    )
    assert whole.use_count == 9


def test_without_remembered_details_an_entry_stays_as_it_is() -> None:
    entry = listing("a/b")
    assert with_details(entry, None) is entry
    assert with_details(entry, listing("a/b")) is entry
