"""Smithery as a source of listings: search with paging, and one server in full."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from gateway.config.registries import SmitherySection
from gateway.discovery.asking.client import Access, RegistryClient
from gateway.discovery.names import path_segment, smithery_name
from gateway.discovery.parsing.fields import Fields
from gateway.discovery.parsing.paging import Walk
from gateway.discovery.parsing.shapes import Drift
from gateway.discovery.parsing.smithery import Page, parse_page, parse_record
from gateway.discovery.parsing.smithery_query import Filters, question
from gateway.discovery.parsing.smithery_shape import HEALTH, RECORD, page_of
from gateway.discovery.ports import Found, Health, Wanted
from gateway.errors import DiscoveryError, ListingInvalid
from gateway.listing import Listing
from gateway.model import Source

MAX_PAGES = 20  # a bound for a registry whose paging never ends
_KEY_MISSING = "Set SMITHERY_API_KEY (or `api_key_file` in [smithery]); other sources go on without it."
_KEY_REFUSED = "Correct {place}: Smithery refuses the present key."
_KEY_PLACES = "SMITHERY_API_KEY (or the key in [smithery])"


def smithery_access(section: SmitherySection, api_key: str = "") -> Access:
    """Read how Smithery may be asked from the configuration; `api_key` beats the section's."""
    key = api_key or section.api_key
    return Access(
        label="Smithery",
        base_url=section.base_url,
        api_key=key,
        rate=section.rate,
        burst=section.burst,
        timeout_s=section.timeout_s,
        retry_cap_s=section.retry_cap_s,
        key_fix=_KEY_REFUSED.format(place=section.key_from or _KEY_PLACES) if key else _KEY_MISSING,
        headers=section.headers,
    )


class SmitherySource:
    """Finds servers in Smithery, whole pages at a time."""

    name = Source.SMITHERY.value
    search_says_more = True

    def __init__(self, client: RegistryClient) -> None:
        self._client = client

    @property
    def drift(self) -> tuple[Drift, ...]:
        """How Smithery's answers differed from what is known of them."""
        return self._client.drift

    async def search(self, wanted: Wanted) -> Found:
        """Return the best matches, page after page until there are enough.

        Raises:
            UsageError: a filter has a value that Smithery would refuse.
            DiscoveryError: the first page could not be had; a later page that fails only ends the list.
        """
        found, pages = Found(()), 0
        try:
            async with aclosing(self.pages(wanted)) as parts:
                async for part in parts:
                    pages += 1
                    found = _joined(found, part)
                    if len(found.listings) >= wanted.limit:
                        break
        except DiscoveryError as error:
            if not pages:
                raise
            return Found(found.listings, found.skipped, found.age_s, error)
        return found

    async def pages(self, wanted: Wanted, *, most: int = MAX_PAGES) -> AsyncGenerator[Found, None]:
        """Yield what is new on each page, until there is no more (the limit only sets the size of the pages).

        Raises: UsageError, DiscoveryError.
        """
        params = question(wanted.query, _filters(wanted), limit=wanted.limit)
        walk, shape = Walk(asked_size=int(params["pageSize"]), most_pages=most), page_of(_asked_fields(params))
        while not walk.is_over:
            answer = await self._client.ask(
                "/servers",
                _read_page,
                params={**params, "page": str(walk.number)},
                what=f"servers for {wanted.query!r}",
                shape=shape,
                fixed=True,
            )
            page = answer.value
            news = walk.fresh(listing.name for listing in page.listings)
            listings = tuple(listing for listing, is_new in zip(page.listings, news, strict=True) if is_new)
            walk.turn(
                entries=page.entries,
                brought_new=bool(listings) or not page.listings,  # malformed entries cannot be told apart
                page_size=page.size,
                total_pages=page.total_pages,
            )
            yield Found(listings, page.skipped, answer.age_s, answer.problem)

    async def health(self) -> Health:
        """Ask Smithery how it is; no old answer serves.

        Raises: DiscoveryError.
        """
        answer = await self._client.ask("/health", _read_health, what="its health", shape=HEALTH, keep=False)
        return answer.value

    async def get(self, name: str) -> Found:
        """Return one server in full.

        Raises:
            UsageError: the name cannot be one.
            NotFound: Smithery does not know it.
            DiscoveryError: Smithery did not answer, or not usefully.
        """
        bare = smithery_name(name)

        def read(value: Any, at: float) -> Listing:
            listing = parse_record(value, base_url=self._client.base_url, fetched_at=at)
            if listing.name.casefold() != bare.casefold():
                raise ListingInvalid(f"Smithery answered with {listing.name} when asked for {bare}")
            return listing

        answer = await self._client.ask(f"/servers/{path_segment(bare)}", read, what=bare, shape=RECORD)
        return Found((answer.value,), 0, answer.age_s, answer.problem)


def _joined(found: Found, part: Found) -> Found:
    return Found(
        found.listings + part.listings,
        found.skipped + part.skipped,
        max(found.age_s, part.age_s),
        found.problem or part.problem,
    )


def _read_page(value: Any, at: float) -> Page:
    return parse_page(value, fetched_at=at)


def _read_health(value: Any, _: float) -> Health:
    fields = Fields(value)
    return Health(fields.line("status") or "unknown", fields.line("timestamp"))


def _filters(wanted: Wanted) -> Filters:
    """Join the filters that every source knows with Smithery's own; the common ones win."""
    own = wanted.filters or Filters()
    return replace(
        own,
        verified=own.verified if wanted.verified is None else wanted.verified,
        remote=own.remote if wanted.remote is None else wanted.remote,
        namespace=wanted.namespace or own.namespace,
    )


def _asked_fields(params: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(params["fields"].split(",")) if "fields" in params else ()
