"""The sources that a configuration asks for, and a source made of listings that are simply there."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import httpx

from gateway.clock import Clock
from gateway.config.registries import RegistrySection, SmitherySection
from gateway.discovery.asking.client import RegistryClient
from gateway.discovery.ports import Answers, Found, ListingSource, Wanted
from gateway.discovery.registry import RegistrySource, registry_access
from gateway.discovery.smithery import SmitherySource, smithery_access
from gateway.errors import NotFound
from gateway.listing import Listing


def build_sources(
    smithery: SmitherySection,
    registry: RegistrySection,
    *,
    http: httpx.AsyncClient,
    clock: Clock,
    rng: Random,
    answers: Answers | None = None,
    api_key: str = "",
) -> list[ListingSource]:
    """Build the registries that are switched on, Smithery first; `api_key` beats the one of the section."""
    sources: list[ListingSource] = []
    if smithery.enabled:
        access = smithery_access(smithery, api_key)
        sources.append(SmitherySource(RegistryClient(http, access, clock=clock, rng=rng, answers=answers)))
    if registry.enabled:
        access = registry_access(registry)
        sources.append(RegistrySource(RegistryClient(http, access, clock=clock, rng=rng, answers=answers)))
    return sources


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
