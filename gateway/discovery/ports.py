"""What discovery asks of a source of listings, and of the store that remembers answers and listings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.errors import DiscoveryError
from gateway.listing import Listing


@dataclass(frozen=True, slots=True)
class Wanted:
    """A search: words (may be empty: browse), how many listings are enough, and filters (None: either)."""

    query: str
    limit: int = 10
    verified: bool | None = None
    remote: bool | None = None
    namespace: str | None = None


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


class Answers(Protocol):
    """Remembers raw answers by key: (body, seconds since the epoch when fetched, ETag)."""

    async def put_answer(self, key: str, body: bytes, at: float, etag: str | None) -> None: ...
    async def answer(self, key: str) -> tuple[bytes, float, str | None] | None: ...


class ListingStore(Protocol):
    """Remembers listings; `find` searches their words offline."""

    async def put_listings(self, listings: Sequence[Listing]) -> None: ...
    async def get(self, source: str, name: str) -> Listing | None: ...
    async def find(self, query: str, *, source: str | None = None, limit: int = 50) -> list[Listing]: ...
