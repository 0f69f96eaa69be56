"""Which listings are the same server."""

from __future__ import annotations

import pytest

from gateway.discovery.identity import merge, plain_name, repository_key
from gateway.listing import Listing, PackageConnection, RemoteConnection
from gateway.model import Source
from tests.discovery.support import listing

NPM = PackageConnection("npm", "@acme/weather", "1.0.0")
REPOSITORY = "https://github.com/acme/weather"


def grouped(*listings: Listing) -> list[list[str]]:
    """Names by group."""
    return [[one.name for one in group] for group in merge(listings)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (listing("acme/weather"), listing("io.github.acme/weather", Source.REGISTRY)),
        (listing("Acme/Weather"), listing("acme/weather", Source.STARTER)),
        (
            listing("a/b", repository=REPOSITORY + ".git"),
            listing("x.y/z", Source.REGISTRY, repository=REPOSITORY + "/"),
        ),
        (listing("a/b", connections=(NPM,)), listing("x.y/z", Source.REGISTRY, connections=(NPM,))),
        (
            listing("a/b", connections=(RemoteConnection("https://x.example/mcp"),)),
            listing("x.y/z", Source.REGISTRY, connections=(RemoteConnection("https://x.example/mcp/"),)),
        ),
    ],
)
def test_the_same_server_in_two_registries_is_one(one: Listing, other: Listing) -> None:
    assert grouped(one, other) == [[one.name, other.name]]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (listing("acme/weather"), listing("acne/weather", Source.REGISTRY)),
        (listing("solo"), listing("x.y/solo", Source.REGISTRY)),
        (
            listing("acme/weather", repository=REPOSITORY),
            listing("io.github.acme/weather", Source.REGISTRY, repository="https://github.com/thief/weather"),
        ),
        (listing("a/b", repository=REPOSITORY), listing("c/d", repository=REPOSITORY)),
    ],
)
def test_a_likeness_is_not_enough(one: Listing, other: Listing) -> None:
    assert grouped(one, other) == [[one.name], [other.name]]


def test_a_repository_of_many_servers_proves_nothing() -> None:
    many = [listing(f"r.o/{n}", Source.REGISTRY, repository=REPOSITORY) for n in range(2)]
    assert len(merge([listing("a/b", repository=REPOSITORY), *many])) == 3


def test_a_listing_that_comes_twice_is_kept_once() -> None:
    assert grouped(listing("a/b"), listing("a/b"), listing("A/B")) == [["a/b"]]


def test_nothing_merges_to_nothing() -> None:
    assert merge([]) == []


def test_names_and_repositories_have_one_spelling() -> None:
    assert plain_name(listing("io.github.Acme/X")) == "acme/x"
    assert repository_key(listing("a/b", repository="http://www.github.com/A/B.git#readme")) == "github.com/a/b"
    assert repository_key(listing("a/b")) is None


def test_likeness_is_not_handed_on_against_evidence() -> None:
    mine = listing("acme/weather", repository=REPOSITORY)
    bare = listing("io.github.acme/weather", Source.REGISTRY)
    other = listing("acme/weather", Source.STARTER, repository="https://github.com/somebody/else")
    assert grouped(mine, bare, other) == [["acme/weather", "io.github.acme/weather"], ["acme/weather"]]


def test_many_listings_are_grouped_in_no_time_that_grows_with_their_square() -> None:
    many = [listing(f"a/x{n}", source) for n in range(3000) for source in (Source.SMITHERY, Source.REGISTRY)]
    assert len(merge(many)) == 3000


def test_one_name_in_one_registry_is_one_server_whatever_else_it_says_the_second_time() -> None:
    twice = [listing("acme/weather", repository=address) for address in (REPOSITORY, "https://github.com/x/y")]
    assert grouped(*twice) == [["acme/weather"]]
