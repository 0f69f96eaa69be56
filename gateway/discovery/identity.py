"""Which listings of different registries are the same server. No I/O.

Cautious on purpose: anybody may take a free namespace in an open registry, so two names that look alike never merge
against evidence, and nothing merges within one registry (a repository may hold many servers).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from gateway.listing import Listing, PackageConnection, RemoteConnection

_HOSTED_OWNERS = ("io.github.", "com.github.", "io.gitlab.", "com.gitlab.")


def merge(listings: Sequence[Listing]) -> list[tuple[Listing, ...]]:
    """Group listings of the same server; the order within a group and among groups is that of first appearance."""
    crowded = _crowded_repositories(listings)
    groups: list[list[Listing]] = []
    for listing in listings:
        home = next((group for group in groups if _belongs(listing, group, crowded)), None)
        if home is None:
            groups.append([listing])
        elif all(other.source != listing.source for other in home):
            home.append(listing)
    return [tuple(group) for group in groups]


def plain_name(listing: Listing) -> str:
    """Return the name without the reversed host of the official registry's names: `io.github.acme/x` is `acme/x`."""
    name = listing.name.casefold()
    for prefix in _HOSTED_OWNERS:
        name = name.removeprefix(prefix)
    return name


def repository_key(listing: Listing) -> str | None:
    """Return the repository's address in one spelling, None when unknown."""
    if listing.repository is None:
        return None
    address = listing.repository.casefold().split("://", 1)[-1].split("#", 1)[0].split("?", 1)[0]
    return address.removeprefix("www.").rstrip("/").removesuffix(".git")


def _belongs(listing: Listing, group: Sequence[Listing], crowded: set[str]) -> bool:
    return any(_same(listing, other, crowded) for other in group)


def _same(one: Listing, other: Listing, crowded: set[str]) -> bool:
    if one.source == other.source:
        return one.name.casefold() == other.name.casefold()
    if _artefacts(one) & _artefacts(other):
        return True
    mine, theirs = repository_key(one), repository_key(other)
    if mine is not None and mine == theirs and mine not in crowded:
        return True
    contradicted = mine is not None and theirs is not None and mine != theirs
    return plain_name(one) == plain_name(other) and not contradicted


def _artefacts(listing: Listing) -> set[str]:
    """What would be run or spoken to: package identifiers and remote addresses."""
    found = set()
    for connection in listing.connections or ():
        match connection:
            case PackageConnection(registry=registry, identifier=identifier):
                found.add(f"{registry}:{identifier.casefold()}")
            case RemoteConnection(url=url):
                found.add(url.rstrip("/"))
            case _:
                pass
    return found


def _crowded_repositories(listings: Sequence[Listing]) -> set[str]:
    """Repositories that hold several servers of one registry: sharing them proves nothing."""
    names = {(listing.source, listing.name.casefold(), repository_key(listing)) for listing in listings}
    counts = Counter((source, key) for source, _, key in names if key is not None)
    return {key for (_, key), count in counts.items() if count > 1}
