"""Smithery as a source of listings: search with paging, and one server in full."""

from __future__ import annotations

from typing import Any

from gateway.config.registries import SmitherySection
from gateway.discovery.asking.client import Access, RegistryClient
from gateway.discovery.names import path_segment, smithery_name
from gateway.discovery.parsing.smithery import Page, parse_page, parse_record
from gateway.discovery.ports import Found, Wanted
from gateway.errors import DiscoveryError, ListingInvalid
from gateway.listing import Listing
from gateway.model import Source

MAX_PAGE_SIZE = 100
MAX_PAGES = 20  # a bound for a registry whose paging never ends
_FEWEST = 20  # merging and ranking need more to choose from than a short list shows
_KEY_MISSING = "Set SMITHERY_API_KEY (or `api_key_file` in [smithery]); other sources go on without it."
_KEY_REFUSED = "Correct SMITHERY_API_KEY (or the key in [smithery]): Smithery refuses the present one."


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
        key_fix=_KEY_REFUSED if key else _KEY_MISSING,
    )


class SmitherySource:
    """Finds servers in Smithery."""

    name = Source.SMITHERY.value
    search_says_more = True

    def __init__(self, client: RegistryClient) -> None:
        self._client = client

    async def search(self, wanted: Wanted) -> Found:
        """Return the best matches, page after page until there are enough.

        Raises:
            DiscoveryError: the first page could not be had; a later page that fails only ends the list.
        """
        params = _question(wanted)
        found = Found(())
        for number in range(1, MAX_PAGES + 1):
            try:
                answer = await self._client.ask(
                    "/servers", _read_page, params={**params, "page": str(number)}, what=f"servers for {wanted.query!r}"
                )
            except DiscoveryError as error:
                if number == 1:
                    raise
                return Found(found.listings, found.skipped, found.age_s, error)
            page = answer.value
            found = Found(
                found.listings + page.listings,
                found.skipped + page.skipped,
                max(found.age_s, answer.age_s),
                found.problem or answer.problem,
            )
            if _is_enough(page, number, len(found.listings), wanted.limit):
                break
        return found

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

        answer = await self._client.ask(f"/servers/{path_segment(bare)}", read, what=bare)
        return Found((answer.value,), 0, answer.age_s, answer.problem)


def _read_page(value: Any, at: float) -> Page:
    return parse_page(value, fetched_at=at)


def _question(wanted: Wanted) -> dict[str, str]:
    params = {"pageSize": str(min(max(wanted.limit, _FEWEST), MAX_PAGE_SIZE))}
    if wanted.query:
        params["q"] = wanted.query
    if wanted.verified is not None:
        params["verified"] = str(wanted.verified).lower()
    if wanted.remote is not None:
        params["remote"] = str(wanted.remote).lower()
    if wanted.namespace:
        params["namespace"] = wanted.namespace
    return params


def _is_enough(page: Page, number: int, have: int, limit: int) -> bool:
    """Stop at the last page by count, at an empty page, or with enough listings: whichever comes first."""
    if page.entries == 0 or have >= limit:
        return True
    return page.total_pages is not None and number >= page.total_pages
