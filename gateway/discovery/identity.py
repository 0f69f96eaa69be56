"""Which listings of different registries are the same server. No I/O.

Cautious on purpose: anybody may take a free namespace in an open registry, so two names that look alike never merge
against evidence, and nothing merges within one registry (a repository may hold many servers).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.listing import Listing, PackageConnection, RemoteConnection
from gateway.store.listings import wording


@dataclass(frozen=True, slots=True)
class _Marks:
    """What a listing is recognised by."""

    source: str
    name: str
    plain: str
    repository: str | None
    artefacts: frozenset[str]

    def filed_under(self) -> list[tuple[str, str]]:
        """Under what another listing of the same server could be filed."""
        found = [("name", self.plain), *(("artefact", text) for text in self.artefacts)]
        return [*found, ("repository", self.repository)] if self.repository is not None else found


def merge(listings: Sequence[Listing]) -> list[tuple[Listing, ...]]:
    """Group listings of the same server; the order within a group and among groups is that of first appearance."""
    marks = [_marks(listing) for listing in listings]
    crowded = _crowded_repositories(marks)
    groups: list[list[int]] = []
    filed: dict[tuple[str, str], list[int]] = defaultdict(list)  # groups by what their listings are recognised by
    for at, mine in enumerate(marks):
        near = sorted({group for key in mine.filed_under() for group in filed[key]})
        home = next((g for g in near if _belongs(mine, [marks[other] for other in groups[g]], crowded)), None)
        if home is None:
            home = len(groups)
            groups.append([at])
        elif all(marks[other].source != mine.source for other in groups[home]):
            groups[home].append(at)
        else:
            continue
        for key in mine.filed_under():
            filed[key].append(home)
    return [tuple(listings[at] for at in group) for group in groups]


def plain_name(listing: Listing) -> str:
    """Return the name without the reversed host of the official registry's names: `io.github.acme/x` is `acme/x`."""
    return wording.plain_name(listing.name)


def repository_key(listing: Listing) -> str | None:
    """Return the repository's address in one spelling, None when unknown."""
    return wording.repository_key(listing.repository)


def _marks(listing: Listing) -> _Marks:
    return _Marks(
        listing.source.value,
        listing.name.casefold(),
        plain_name(listing),
        repository_key(listing),
        _artefacts(listing),
    )


def _belongs(mine: _Marks, group: Sequence[_Marks], crowded: set[str]) -> bool:
    """Whether it is the same server as one of the group, and at odds with none: likeness is not handed on."""
    return any(_same(mine, other, crowded) for other in group) and not any(_at_odds(mine, other) for other in group)


def _at_odds(one: _Marks, other: _Marks) -> bool:
    known = one.repository is not None and other.repository is not None and one.source != other.source
    return known and one.repository != other.repository and not one.artefacts & other.artefacts


def _same(one: _Marks, other: _Marks, crowded: set[str]) -> bool:
    if one.source == other.source:
        return one.name == other.name
    if one.artefacts & other.artefacts:
        return True
    mine, theirs = one.repository, other.repository
    if mine is not None and mine == theirs and mine not in crowded:
        return True
    return one.plain == other.plain and not _at_odds(one, other)


def _artefacts(listing: Listing) -> frozenset[str]:
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
    return frozenset(found)


def _crowded_repositories(marks: Sequence[_Marks]) -> set[str]:
    """Repositories that hold several servers of one registry: sharing them proves nothing."""
    names = {(one.source, one.name, one.repository) for one in marks}
    counts = Counter((source, key) for source, _, key in names if key is not None)
    return {key for (_, key), count in counts.items() if count > 1}
