"""The sources that a configuration asks for, and a source made of listings that are simply there."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import httpx

from gateway.clock import Clock
from gateway.config.registries import RegistrySection, SmitherySection
from gateway.discovery.asking.client import Access, RegistryClient
from gateway.discovery.asking.drift import DriftMeter, nobody
from gateway.discovery.official.sync import RegistrySync, SyncStore
from gateway.discovery.ports import Answers, Found, ListingSource, Wanted
from gateway.discovery.registry import RegistrySource, registry_access
from gateway.discovery.smithery import SmitherySource, smithery_access
from gateway.errors import NotFound
from gateway.facts import Publish
from gateway.listing import Listing
from gateway.model import Source


def build_sources(
    smithery: SmitherySection,
    registry: RegistrySection,
    *,
    http: httpx.AsyncClient,
    clock: Clock,
    rng: Random,
    answers: Answers | None = None,
    api_key: str = "",
    publish: Publish = nobody,
) -> list[ListingSource]:
    """Build the registries that are switched on, Smithery first; `api_key` beats the one of the section.

    `publish` is told when their answers differ from what is known of them.
    """

    def client(source: Source, access: Access) -> RegistryClient:
        meter = DriftMeter(source.value, clock, publish)
        return RegistryClient(http, access, clock=clock, rng=rng, answers=answers, meter=meter)

    sources: list[ListingSource] = []
    if smithery.enabled:
        sources.append(SmitherySource(client(Source.SMITHERY, smithery_access(smithery, api_key))))
    if registry.enabled:
        sources.append(RegistrySource(client(Source.REGISTRY, registry_access(registry))))
    return sources


def registry_sync(sources: Sequence[ListingSource], store: SyncStore, clock: Clock) -> RegistrySync | None:
    """Return what copies the official registry, asking through the same client as its source; None when it is off."""
    found = next((one for one in sources if isinstance(one, RegistrySource)), None)
    return RegistrySync(found, store, clock) if found is not None else None


class FixedSource:
    """Listings that need no registry, such as those shipped with the gateway. No I/O."""

    search_says_more = False

    def __init__(self, name: str, listings: Sequence[Listing]) -> None:
        self._name = name
        self._listings = tuple(listings)

    @property
    def name(self) -> str:
        """Its short name."""
        return self._name

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its listings."""
        return tuple(listing.name for listing in self._listings)

    async def search(self, wanted: Wanted) -> Found:
        """Return the listings that hold any word of the query; all of them for an empty one."""
        words = wanted.query.casefold().split()
        return Found(tuple(listing for listing in self._listings if not words or _holds(listing, words)))

    async def get(self, name: str) -> Found:
        """Return one listing by its exact name.

        Raises:
            NotFound: it is not among them.
        """
        for listing in self._listings:
            if listing.name == name:
                return Found((listing,))
        raise NotFound(f"there is no {name[:60]!a} in {self._name}")


def _holds(listing: Listing, words: Sequence[str]) -> bool:
    text = f"{listing.name} {listing.display_name} {listing.description}".casefold()
    return any(word in text for word in words)
