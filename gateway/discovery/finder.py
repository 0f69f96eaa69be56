"""Finds servers in all sources at once, and goes on with what it knows when a source is gone."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import anyio
import structlog

from gateway.clock import Clock
from gateway.discovery.claims import with_claims, with_details
from gateway.discovery.parsing.fields import clean_text
from gateway.discovery.ports import Found, ListingSource, ListingStore, Wanted
from gateway.discovery.ranking import RankedListing, rank
from gateway.errors import (
    DiscoveryError,
    NotFound,
    RegistryUnauthorized,
    RegistryUnavailable,
    StoreError,
    UsageError,
)
from gateway.listing import Listing

MAX_LIMIT = 500
MAX_QUERY = 500
NAME_PATIENCE_S = 3.0  # once the search has answered: the exact name is a help, not worth a long wait
_log = structlog.get_logger("discovery")


@dataclass(frozen=True, slots=True)
class SourceState:
    """How a source did: ok, stale (old answers), down, or unauthorized. `age_s` is None when it gave nothing."""

    name: str
    state: str
    age_s: float | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What was found, best first, and how each source did."""

    items: tuple[RankedListing, ...]
    sources: tuple[SourceState, ...]


class Finder:
    """Searches and shows listings. A search fails only for a source that does not exist."""

    def __init__(
        self,
        sources: Sequence[ListingSource],
        catalogue: ListingStore,
        clock: Clock,
        *,
        name_patience_s: float = NAME_PATIENCE_S,
    ) -> None:
        self._sources = tuple(sources)
        self._catalogue = catalogue
        self._clock = clock
        self._name_patience_s = name_patience_s

    async def search(
        self,
        query: str,
        *,
        source: str | None = None,
        limit: int = 10,
        verified: bool | None = None,
        remote: bool | None = None,
        namespace: str | None = None,
    ) -> SearchResult:
        """Return the best servers for a need, or for a name; an empty query browses.

        Raises:
            UsageError: there is no source of that name, or the limit is none.
        """
        asked = self._chosen(source)
        if not 1 <= limit <= MAX_LIMIT:
            raise UsageError(f"a limit of {limit} is not possible", fix=f"Give a limit from 1 to {MAX_LIMIT}.")
        wanted = Wanted(clean_text(query, MAX_QUERY), limit, verified, remote, namespace)
        answers: dict[str, list[Listing]] = {one.name: [] for one in asked}
        states: dict[str, SourceState] = {}

        async def ask(one: ListingSource) -> None:
            listings, states[one.name] = await self._ask(one, wanted)
            answers[one.name] = [listing for listing in listings if _fits(listing, wanted)]

        async with anyio.create_task_group() as tasks:
            for one in asked:
                tasks.start_soon(ask, one)
        items = rank(wanted.query, answers)[:limit]
        return SearchResult(tuple(items), tuple(states[one.name] for one in asked))

    async def show(self, name: str, *, source: str | None = None) -> tuple[Listing, list[SourceState]]:
        """Return one server in full, from the first source (in their order) that knows it; a remembered one if need be.

        Raises:
            NotFound: no source knows it; names the nearest known ones.
            RegistryUnavailable: no source could be asked, and it is not remembered.
            UsageError: no source can have such a name, or there is no source of that name.
        """
        asked = self._chosen(source)
        outcomes: dict[str, Found | Exception] = {}

        async def ask(one: ListingSource) -> None:
            outcomes[one.name] = await self._look_up(one, name)

        async with anyio.create_task_group() as tasks:
            for one in asked:
                tasks.start_soon(ask, one)
        states, shown = [], None
        for one in asked:
            listing, state = await self._shown(one, name, outcomes[one.name])
            states += [state] if state is not None else []
            shown = shown or listing
        if shown is None:
            raise await self._unknown(name, list(outcomes.values()))
        return shown, states

    def _chosen(self, source: str | None) -> tuple[ListingSource, ...]:
        if source is None:
            return self._sources
        chosen = tuple(one for one in self._sources if one.name == source)
        if not chosen:
            known = ", ".join(one.name for one in self._sources) or "none"
            raise UsageError(f"there is no source {source[:60]!a}", fix=f"Sources that are on: {known}.")
        return chosen

    async def _ask(self, one: ListingSource, wanted: Wanted) -> tuple[list[Listing], SourceState]:
        """Search one source and look the query up as a name beside it: registries' searches miss published servers."""
        exact: list[Listing] = []
        found: Found | DiscoveryError = Found(())

        async def by_name() -> None:
            got = await self._look_up(one, wanted.query)
            exact.extend(got.listings if isinstance(got, Found) else ())

        async with anyio.create_task_group() as tasks:
            if wanted.query:
                tasks.start_soon(by_name)
            found = await _searched(one, wanted)
            if isinstance(found, DiscoveryError):
                # A registry that cannot search need not be waited for; the store knows the name if anybody does.
                tasks.cancel_scope.cancel()
            else:
                tasks.cancel_scope.deadline = anyio.current_time() + self._name_patience_s
        if isinstance(found, DiscoveryError):
            return await self._remembered(one, wanted, found)
        if found.skipped:
            _log.info("listings_skipped", registry=one.name, skipped=found.skipped)
        return await self._kept(found.listings, exact), _state(one.name, found)

    async def _kept(self, found: Sequence[Listing], exact: Sequence[Listing]) -> list[Listing]:
        """Remember what was found; the exact match comes first, the rest gets the details that are already known."""
        by_name = {listing.name.casefold(): listing for listing in found}
        firsts = [with_claims(listing, by_name.pop(listing.name.casefold(), None)) for listing in exact]
        rest = [
            with_details(listing, await self._catalogue.get(listing.source.value, listing.name))
            for listing in by_name.values()
        ]
        await self._remember([*firsts, *rest])
        return [*firsts, *rest]

    async def _remember(self, listings: Sequence[Listing]) -> None:
        """Keep listings for the day their registry is away; a store that cannot be written costs no answer."""
        try:
            await self._catalogue.put_listings(listings)
        except StoreError as exc:
            _log.warning("listings_not_remembered", reason=exc.message)

    async def _remembered(
        self, one: ListingSource, wanted: Wanted, problem: DiscoveryError
    ) -> tuple[list[Listing], SourceState]:
        listings = await self._catalogue.find(wanted.query, source=one.name, limit=max(50, wanted.limit))
        age_s = self._age_s(listings)
        return listings, SourceState(one.name, _kind(problem, bool(listings)), age_s, _line(problem))

    async def _look_up(self, one: ListingSource, name: str) -> Found | Exception:
        try:
            return await one.get(name)
        except (DiscoveryError, NotFound, UsageError) as error:
            return error

    async def _shown(
        self, one: ListingSource, name: str, outcome: Found | Exception
    ) -> tuple[Listing | None, SourceState | None]:
        """Turn one source's outcome into its listing and state; (None, None) when it cannot have such a name."""
        match outcome:
            case Found():
                return await self._whole(one, outcome.listings[0]), _state(one.name, outcome)
            case NotFound():
                return None, SourceState(one.name, "ok", 0.0)
            case DiscoveryError():
                known = await self._catalogue.get(one.name, name.removeprefix("@"))
                age_s = self._age_s([known] if known is not None else [])
                return known, SourceState(one.name, _kind(outcome, known is not None), age_s, _line(outcome))
            case _:
                return None, None

    async def _whole(self, one: ListingSource, record: Listing) -> Listing:
        """Add to a full record what only a search tells (verified, uses), and remember the whole."""
        claim = await self._catalogue.get(one.name, record.name)
        if one.search_says_more:
            # The claims decide what may be installed: ask afresh; without an answer, what is remembered counts.
            found = await _searched(one, Wanted(record.name, limit=20))
            listings = found.listings if isinstance(found, Found) else ()
            claim = next((item for item in listings if item.name.casefold() == record.name.casefold()), claim)
        whole = with_claims(record, claim)
        await self._remember([whole])
        return whole

    async def _unknown(self, name: str, outcomes: Sequence[Found | Exception]) -> Exception:
        problems = [one for one in outcomes if isinstance(one, DiscoveryError)]
        if outcomes and all(isinstance(one, UsageError) for one in outcomes):
            return next(one for one in outcomes if isinstance(one, UsageError))
        shown = ascii(name[:80])
        if problems and not any(isinstance(one, NotFound) for one in outcomes):
            said = "; ".join(one.message for one in problems)
            return RegistryUnavailable(f"{shown} is not remembered here, and: {said}", fix=problems[0].fix)
        near = await self._nearest(name)
        fix = f"Did you mean {', '.join(near)}?" if near else "Look for it with `mcp-gateway search`."
        unasked = "".join(f" ({one.message})" for one in problems)
        return NotFound(f"no source knows {shown}{unasked}", fix=fix)

    async def _nearest(self, name: str) -> list[str]:
        last = clean_text(name, 200).rsplit("/", 1)[-1]
        known = {item.name: None for word in (name, last) for item in await self._catalogue.find(word, limit=50)}
        everything = {item.name: None for item in await self._catalogue.find("", limit=500)}
        return difflib.get_close_matches(name, list(known | everything), n=3, cutoff=0.5)

    def _age_s(self, listings: Sequence[Listing]) -> float | None:
        if not listings:
            return None
        return max(0.0, self._clock.wall() - min(listing.fetched_at for listing in listings))


def _state(name: str, found: Found) -> SourceState:
    if found.problem is None:
        return SourceState(name, "ok", found.age_s)
    return SourceState(name, _kind(found.problem, gave_something=True), found.age_s, _line(found.problem))


def _line(problem: DiscoveryError) -> str:
    """What happened and what to do, in one line."""
    return f"{problem.message}. {problem.fix}".removesuffix(" ")


def _kind(problem: Exception, gave_something: bool) -> str:
    if isinstance(problem, RegistryUnauthorized):
        return "unauthorized"  # said even when old answers serve: only a person can mend it
    return "stale" if gave_something else "down"


def _fits(listing: Listing, wanted: Wanted) -> bool:
    if wanted.verified is not None and listing.verified != wanted.verified:
        return False
    if wanted.remote is not None and listing.remote is not None and listing.remote != wanted.remote:
        return False
    owner = listing.name.split("/", 1)[0].casefold()
    return not wanted.namespace or owner == wanted.namespace.removeprefix("@").casefold()


async def _searched(one: ListingSource, wanted: Wanted) -> Found | DiscoveryError:
    try:
        return await one.search(wanted)
    except DiscoveryError as problem:
        return problem
