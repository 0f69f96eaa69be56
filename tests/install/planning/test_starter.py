"""The starter catalogue is what it says: named, pinned, and planned without any question."""

from __future__ import annotations

import pytest

from gateway.errors import NotFound
from gateway.install.planning.compatibility import verdict
from gateway.install.planning.plan import make_plan
from gateway.install.planning.starter import STARTER, starter_listing
from gateway.listing import Listing, PackageConnection
from gateway.model import SERVER_NAME_PATTERN, Source
from tests.install.values import MACHINE, NOW, RULES


def test_the_seven_servers_are_there() -> None:
    names = {"time", "git", "fetch", "filesystem", "memory", "thinking", "everything"}
    assert {listing.name for listing in STARTER} == names


@pytest.mark.parametrize("listing", STARTER, ids=lambda listing: listing.name)
def test_each_is_pinned_described_and_installable_without_any_value(listing: Listing) -> None:
    (connection,) = listing.connections or ()
    assert isinstance(connection, PackageConnection)
    assert connection.version == listing.version
    assert listing.description
    assert listing.source is Source.STARTER
    assert SERVER_NAME_PATTERN.fullmatch(listing.name)
    assert verdict(listing, MACHINE) == (True, [])
    plan = make_plan(listing, name=listing.name, settings={}, machine=MACHINE, rules=RULES, now=NOW)
    assert plan.from_ == f"starter:{listing.name}"


def test_the_fetch_server_does_not_see_node() -> None:
    plan = make_plan(starter_listing("fetch"), name="fetch", settings={}, machine=MACHINE, rules=RULES, now=NOW)
    assert plan.environment == {"PATH": "${content}/venv/bin"}


def test_the_filesystem_server_opens_a_private_folder_unless_told_otherwise() -> None:
    listing = starter_listing("filesystem")
    usual = make_plan(listing, name="fs", settings={}, machine=MACHINE, rules=RULES, now=NOW)
    told = make_plan(listing, name="fs", settings={"folder": ["/a", "/b"]}, machine=MACHINE, rules=RULES, now=NOW)
    assert (usual.arguments, told.arguments) == (("${data}/files",), ("/a", "/b"))


def test_an_unknown_starter_names_the_known_ones() -> None:
    with pytest.raises(NotFound) as caught:
        starter_listing("nope")
    assert "memory" in caught.value.fix
