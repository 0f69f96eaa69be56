"""What discovery asks of a source of listings, and of the store that remembers answers and listings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from gateway.discovery.parsing.shapes import Drift
from gateway.discovery.parsing.smithery_query import Filters
from gateway.errors import DiscoveryError
from gateway.listing import ListedVersion, Listing
from gateway.store.listings.values import EVERYTHING, Filter, Known, Track


@dataclass(frozen=True, slots=True)
class Wanted:
    """A search: words (may be empty: browse), how many listings are enough, and filters (None: either)."""

    query: str
    limit: int = 10
    verified: bool | None = None
    remote: bool | None = None
    namespace: str | None = None
    filters: Filters | None = None  # of Smithery's own; other sources know no such things and leave them out


@dataclass(frozen=True, slots=True)
class Found:
    """What a source answered: listings best first, how many entries were malformed and left out.

    `age_s` is 0 for a fresh answer; an old one also carries the `problem` that kept us from a fresh one.
    """

    listings: tuple[Listing, ...]
    skipped: int = 0
    age_s: float = 0.0
    problem: DiscoveryError | None = None


class ListingSource(Protocol):
    """A catalogue that can be searched. Both methods raise `DiscoveryError`s and bound their own time."""

    @property
    def name(self) -> str:
        """Its short name: a value of `gateway.model.Source`."""
        ...

    @property
    def search_says_more(self) -> bool:
        """Whether search results carry claims (verified, uses) that the full record lacks."""
        ...

    async def search(self, wanted: Wanted) -> Found:
        """Return the best matches."""
        ...

    async def get(self, name: str) -> Found:
        """Return exactly one listing, in full. Raises NotFound, or UsageError for a name it cannot have."""
        ...


@dataclass(frozen=True, slots=True)
class Health:
    """What a registry says of itself: its own word for it, and the time it gives."""

    status: str
    timestamp: str = ""


@runtime_checkable
class Monitored(Protocol):
    """A source whose answers are compared with their known shapes."""

    @property
    def drift(self) -> tuple[Drift, ...]:
        """How its answers differed so far."""
        ...


@runtime_checkable
class Healthy(Protocol):
    """A source that can be asked how it is."""

    async def health(self) -> Health:
        """Ask. Raises: DiscoveryError."""
        ...


@runtime_checkable
class Versioned(Protocol):
    """A source that keeps the older releases of its servers as well."""

    @property
    def name(self) -> str:
        """Its short name."""
        ...

    async def get_version(self, name: str, version: str) -> Found:
        """Return one exact version. Raises as `ListingSource.get`."""
        ...

    async def versions(self, name: str) -> tuple[ListedVersion, ...]:
        """Return all releases, newest first. Raises as `ListingSource.get`."""
        ...


class Answers(Protocol):
    """Remembers raw answers by key: (body, seconds since the epoch when fetched, ETag)."""

    async def put_answer(self, key: str, body: bytes, at: float, etag: str | None) -> None: ...
    async def answer(self, key: str) -> tuple[bytes, float, str | None] | None: ...


class ListingStore(Protocol):
    """Remembers listings; `find` searches their words offline, the best first."""

    async def put_listings(self, listings: Sequence[Listing]) -> None: ...
    async def forget_listings(self, source: str, names: Sequence[str]) -> None: ...
    async def get(self, source: str, name: str) -> Listing | None: ...
    async def get_many(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Listing]: ...
    async def find(
        self, query: str, *, source: str | None = None, limit: int = 50, only: Filter = EVERYTHING
    ) -> list[Listing]: ...
    async def named(self, name: str, *, limit: int = 20, only: Filter = EVERYTHING) -> list[Listing]: ...
    async def relatives(self, listing: Listing) -> list[Listing]: ...
    async def alike(self, text: str, *, limit: int = 50) -> list[str]: ...
    async def famous(self) -> tuple[Known, ...]: ...


class Experience(Protocol):
    """Remembers how servers did here."""

    async def tracks(self) -> Mapping[str, Track]:
        """Return what is known, by reference (`smithery:acme/echo`)."""
        ...


class NoExperience:
    """Nothing was ever installed here."""

    async def tracks(self) -> Mapping[str, Track]:
        """Return nothing."""
        return {}
