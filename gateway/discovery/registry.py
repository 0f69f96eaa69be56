"""The official MCP registry as a source of listings: search by words, one server's releases, and pages for a copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import anyio

from gateway.config.registries import RegistrySection
from gateway.discovery.asking.client import Access, RegistryClient
from gateway.discovery.names import path_segment, registry_name, registry_version
from gateway.discovery.official.needles import by_matches, needles
from gateway.discovery.parsing.registry import Page, parse_page, parse_record, parse_versions
from gateway.discovery.parsing.registry_shape import LIST, RECORD
from gateway.discovery.parsing.shapes import Drift
from gateway.discovery.ports import Found, Wanted
from gateway.errors import DiscoveryError, ListingInvalid
from gateway.listing import ListedVersion, Listing
from gateway.model import Source

MAX_PAGE_SIZE = 100
MAX_PAGES = 9  # of one search, whatever its words
LATEST = "latest"
_SERVERS = "/v0.1/servers"
_FEWEST = 20
_FIX = "The official registry needs no key; check `base_url` in [registry]."
# Withdrawn servers are asked for as well: `show` says what became of them. They are never offered.
_WITH_DELETED = {"include_deleted": "true"}


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


@dataclass(slots=True)
class _Paging:
    """One question's pages so far."""

    listings: tuple[Listing, ...] = ()
    skipped: int = 0
    age_s: float = 0.0
    problem: DiscoveryError | None = None
    failed: DiscoveryError | None = None  # not even the first page came


class RegistrySource:
    """Finds servers in the official registry (API `/v0.1`)."""

    name = Source.REGISTRY.value
    search_says_more = False

    def __init__(self, client: RegistryClient) -> None:
        self._client = client

    @property
    def base_url(self) -> str:
        """The registry's address."""
        return self._client.base_url

    @property
    def drift(self) -> tuple[Drift, ...]:
        """How its answers differed from their shapes so far."""
        return self._client.drift

    async def search(self, wanted: Wanted) -> Found:
        """Return the matches, those with most of the words first; withdrawn servers are left out.

        The registry looks for one piece of text: it is asked for each of the most telling words, page after page until
        there are enough.

        Raises:
            DiscoveryError: no first page could be had; a later page or another word's that fails only ends that list.
        """
        asked = needles(wanted.query) or (_namespace(wanted),)
        pagings = [_Paging() for _ in asked]
        async with anyio.create_task_group() as tasks:
            for needle, paging in zip(asked, pagings, strict=True):
                tasks.start_soon(self._pages, needle, wanted, MAX_PAGES // len(asked), paging)
        problems = [paging.failed for paging in pagings if paging.failed is not None]
        if len(problems) == len(pagings):
            raise problems[0]
        return Found(
            by_matches(wanted.query, [paging.listings for paging in pagings]),
            sum(paging.skipped for paging in pagings),
            max(paging.age_s for paging in pagings),
            next((problem for problem in [*(paging.problem for paging in pagings), *problems] if problem), None),
        )

    async def _pages(self, needle: str, wanted: Wanted, most: int, paging: _Paging) -> None:
        params = {"limit": str(min(max(wanted.limit, _FEWEST), MAX_PAGE_SIZE)), "version": LATEST}
        params |= {"search": needle} if needle else {}
        seen: set[str] = set()
        for number in range(most):
            try:
                answer = await self._client.ask(
                    _SERVERS, _read_page, params=params, what=f"servers for {wanted.query!r}", shape=LIST, fixed=True
                )
            except DiscoveryError as error:
                paging.failed, paging.problem = (error, None) if number == 0 else (None, error)
                return
            page = answer.value
            paging.listings += tuple(listing for listing in page.listings if listing.status != "deleted")
            paging.skipped += page.skipped
            paging.age_s = max(paging.age_s, answer.age_s)
            paging.problem = paging.problem or answer.problem
            # A cursor that comes back would go round for ever.
            if page.cursor is None or page.cursor in seen or page.entries == 0 or len(paging.listings) >= wanted.limit:
                return
            seen.add(page.cursor)
            params = {**params, "cursor": page.cursor}

    async def get(self, name: str) -> Found:
        """Return the latest version of one server, deprecated and withdrawn ones included.

        Raises:
            UsageError: the name cannot be one.
            NotFound: the registry does not know it.
            DiscoveryError: the registry did not answer, or not usefully.
        """
        return await self._get(registry_name(name), LATEST)

    async def get_version(self, name: str, version: str) -> Found:
        """Return one exact version of a server.

        Raises:
            UsageError: the name or the version cannot be one.
            NotFound: the registry does not know it in this version.
            DiscoveryError: the registry did not answer, or not usefully.
        """
        return await self._get(registry_name(name), registry_version(version))

    async def _get(self, name: str, version: str) -> Found:
        def read(value: Any, at: float) -> Listing:
            listing = parse_record(value, fetched_at=at)
            if listing.name.casefold() != name.casefold():
                raise ListingInvalid(f"The MCP registry answered with {listing.name} when asked for {name}")
            if version not in {LATEST, listing.version}:
                raise ListingInvalid(
                    f"The MCP registry answered with version {listing.version} of {name} when asked for {version}"
                )
            return listing

        path = f"{_SERVERS}/{path_segment(name)}/versions/{path_segment(version)}"
        what = name if version == LATEST else f"{name} in version {version}"
        answer = await self._client.ask(path, read, what=what, params=_WITH_DELETED, shape=RECORD)
        return Found((answer.value,), 0, answer.age_s, answer.problem)

    async def versions(self, name: str) -> tuple[ListedVersion, ...]:
        """Return all releases of a server, newest first, withdrawn ones included.

        Raises: as `get`.
        """
        checked = registry_name(name)
        path = f"{_SERVERS}/{path_segment(checked)}/versions"
        answer = await self._client.ask(path, _read_versions, what=checked, params=_WITH_DELETED, shape=LIST)
        return answer.value

    async def page(self, *, cursor: str | None = None, updated_since: str | None = None) -> Page:
        """Return one page of everything there is (or that changed since), for a copy: as fresh, and not remembered.

        Raises:
            DiscoveryError: the registry did not answer, or not usefully.
        """
        params = {"limit": str(MAX_PAGE_SIZE), "version": LATEST, **_WITH_DELETED}
        params |= {"updated_since": updated_since} if updated_since else {}
        params |= {"cursor": cursor} if cursor else {}
        answer = await self._client.ask(
            _SERVERS, _read_page, what="a page of all servers", params=params, shape=LIST, keep=False, fixed=True
        )
        return answer.value


def _read_page(value: Any, at: float) -> Page:
    return parse_page(value, fetched_at=at)


def _read_versions(value: Any, _: float) -> tuple[ListedVersion, ...]:
    return parse_versions(value)


def _namespace(wanted: Wanted) -> str:
    """With no words to look for, a namespace is something to look for all the same."""
    return f"{wanted.namespace.removeprefix('@')}/" if wanted.namespace else ""
