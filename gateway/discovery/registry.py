"""The official MCP registry as a source of listings: search with a cursor, and one server's latest version."""

from __future__ import annotations

from typing import Any

from gateway.config.registries import RegistrySection
from gateway.discovery.asking.client import Access, RegistryClient
from gateway.discovery.names import path_segment, registry_name
from gateway.discovery.parsing.registry import Page, parse_page, parse_record
from gateway.discovery.ports import Found, Wanted
from gateway.errors import DiscoveryError, ListingInvalid
from gateway.listing import Listing
from gateway.model import Source

MAX_PAGE_SIZE = 100
MAX_PAGES = 10
_FEWEST = 20
_FIX = "The official registry needs no key; check `base_url` in [registry]."


def registry_access(section: RegistrySection) -> Access:
    """Read how the official registry may be asked from the configuration."""
    return Access(
        label="The MCP registry",
        base_url=section.base_url,
        rate=section.rate,
        burst=section.burst,
        timeout_s=section.timeout_s,
        retry_cap_s=section.retry_cap_s,
        key_fix=_FIX,
    )


class RegistrySource:
    """Finds servers in the official registry (API `/v0.1`)."""

    name = Source.REGISTRY.value
    search_says_more = False

    def __init__(self, client: RegistryClient) -> None:
        self._client = client

    async def search(self, wanted: Wanted) -> Found:
        """Return the matches (the registry looks for a part of the name), page after page until there are enough.

        Raises:
            DiscoveryError: the first page could not be had; a later page that fails only ends the list.
        """
        params = {"limit": str(min(max(wanted.limit, _FEWEST), MAX_PAGE_SIZE)), "version": "latest"}
        if wanted.query:
            params["search"] = _needle(wanted.query)
        found, seen = Found(()), set[str]()
        for number in range(MAX_PAGES):
            try:
                answer = await self._client.ask(
                    "/v0.1/servers", _read_page, params=params, what=f"servers for {wanted.query!r}"
                )
            except DiscoveryError as error:
                if number == 0:
                    raise
                return Found(found.listings, found.skipped, found.age_s, error)
            page = answer.value
            found = Found(
                found.listings + tuple(listing for listing in page.listings if listing.status != "deleted"),
                found.skipped + page.skipped,
                max(found.age_s, answer.age_s),
                found.problem or answer.problem,
            )
            # A cursor that comes back would go round for ever.
            if page.cursor is None or page.entries == 0 or page.cursor in seen or len(found.listings) >= wanted.limit:
                break
            seen.add(page.cursor)
            params = {**params, "cursor": page.cursor}
        return found

    async def get(self, name: str) -> Found:
        """Return the latest version of one server, deprecated and deleted ones included.

        Raises:
            UsageError: the name cannot be one.
            NotFound: the registry does not know it.
            DiscoveryError: the registry did not answer, or not usefully.
        """
        checked = registry_name(name)

        def read(value: Any, at: float) -> Listing:
            listing = parse_record(value, fetched_at=at)
            if listing.name.casefold() != checked.casefold():
                raise ListingInvalid(f"The MCP registry answered with {listing.name} when asked for {checked}")
            return listing

        path = f"/v0.1/servers/{path_segment(checked)}/versions/latest"
        answer = await self._client.ask(path, read, what=checked)
        return Found((answer.value,), 0, answer.age_s, answer.problem)


def _read_page(value: Any, at: float) -> Page:
    return parse_page(value, fetched_at=at)


def _needle(query: str) -> str:
    """The registry looks for one piece of text in names; of several words the longest says most."""
    return max(query.split(), key=len, default="")
