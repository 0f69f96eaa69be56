"""Finds servers in all sources at once, and goes on with what it knows when a source is gone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import anyio
import structlog

from gateway.clock import Clock
from gateway.discovery.claims import with_claims
from gateway.discovery.lookalike import Crowd
from gateway.discovery.memory import Memory
from gateway.discovery.official.releases import exact_release, releases_of
from gateway.discovery.parsing.fields import clean_text
from gateway.discovery.parsing.shapes import Drift
from gateway.discovery.parsing.smithery_query import Filters
from gateway.discovery.ports import (
    Experience,
    Found,
    Health,
    Healthy,
    ListingSource,
    ListingStore,
    Monitored,
    NoExperience,
    Wanted,
)
from gateway.discovery.ranking import RankedListing, View, rank
from gateway.discovery.sources import FixedSource
from gateway.errors import (
    DiscoveryError,
    NotFound,
    RegistryUnauthorized,
    RegistryUnavailable,
    UsageError,
)
from gateway.listing import ListedVersion, Listing
from gateway.model import Source

MAX_LIMIT = 500
MAX_QUERY = 500
NAME_PATIENCE_S = 3.0  # once the search has answered: the exact name is a help, not worth a long wait
STORE_PATIENCE_S = 4.0  # once the store has answered: what is fresher is worth this much waiting
OFFLINE = "not asked: an offline search reads what is remembered"
_log = structlog.get_logger("discovery")


@dataclass(frozen=True, slots=True)
class SourceState:
    """How a source did: ok, stale (old answers), down, or unauthorized. `age_s` is None when it gave nothing."""

    name: str
    state: str
    age_s: float | None = None
    message: str = ""
    who: str = ""  # must act (a value of gateway.errors.Who), when there is something to do


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What was found, best first, and how each source did; `nearest`: names to try when nothing was found."""

    items: tuple[RankedListing, ...]
    sources: tuple[SourceState, ...]
    nearest: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Told:
    """What a source said in a search: listings and its state, or a problem. `is_gone`: it has no server named so."""

    listings: tuple[Listing, ...] = ()
    state: SourceState | None = None
    problem: DiscoveryError | None = None
    is_gone: bool = False


class Finder:
    """Searches and shows listings. A search fails only for a source that does not exist."""

    def __init__(
        self,
        sources: Sequence[ListingSource],
        catalogue: ListingStore,
        clock: Clock,
        *,
        experience: Experience | None = None,
        name_patience_s: float = NAME_PATIENCE_S,
        store_patience_s: float = STORE_PATIENCE_S,
    ) -> None:
        self._sources = tuple(sources)
        self._catalogue = catalogue
        self._memory = Memory(catalogue, clock)
        self._clock = clock
        self._experience = experience or NoExperience()
        self._name_patience_s = name_patience_s
        self._store_patience_s = store_patience_s

    async def search(
        self,
        query: str,
        *,
        source: str | None = None,
        limit: int = 10,
        verified: bool | None = None,
        remote: bool | None = None,
        namespace: str | None = None,
        offline: bool = False,
        why_not: Callable[[Listing], str | None] = lambda _: None,
    ) -> SearchResult:
        """Return the best servers for a need, or for a name; an empty query browses.

        The store answers at once, also for what a registry's own search misses; registries are asked beside it, and
        what they say now beats what is remembered. `offline`: nobody is asked. `why_not` says why a listing cannot
        run on this machine.

        Raises:
            UsageError: there is no source of that name, or the limit is none.
        """
        chosen = self._chosen(source)
        if not 1 <= limit <= MAX_LIMIT:
            raise UsageError(f"a limit of {limit} is not possible", fix=f"Give a limit from 1 to {MAX_LIMIT}.")
        wanted = Wanted(clean_text(query, MAX_QUERY), limit, verified, remote, namespace)
        told, remembered = await self._gather(wanted, chosen, offline=offline)
        crowd = await self._memory.crowd()
        view = View(self._clock.wall(), why_not, crowd.warnings, await self._experience.tracks())
        fresh = {name: one.listings for name, one in told.items() if not one.problem}
        items = tuple(rank(wanted.query, fresh, remembered=remembered, view=view, limit=limit))
        states = tuple(self._state_of(one, told.get(one.name), remembered, offline=offline) for one in chosen)
        nearest = [] if items or not wanted.query else await self._memory.nearest(wanted.query, self._names_at_hand())
        return SearchResult(items, states, tuple(nearest))

    async def filtered(
        self,
        query: str,
        filters: Filters,
        *,
        limit: int = 10,
        why_not: Callable[[Listing], str | None] = lambda _: None,
    ) -> SearchResult:
        """Return what Smithery itself finds with filters that only it has; nobody else is asked, nothing old is added.

        Raises: UsageError for a filter that Smithery would refuse, or when Smithery is off.
        """
        (one,) = self._chosen(Source.SMITHERY.value)
        wanted = Wanted(clean_text(query, MAX_QUERY), limit, filters=filters)
        found = await _searched(one, wanted)
        if isinstance(found, DiscoveryError):
            return SearchResult((), (SourceState(one.name, _kind(found, False), None, _line(found), found.who),))
        listings = await self._memory.keep(found.listings, [])
        view = View(self._clock.wall(), why_not, (await self._memory.crowd()).warnings, await self._experience.tracks())
        items = rank(wanted.query, {one.name: tuple(listings)}, view=view, limit=limit)
        return SearchResult(tuple(items), (_state(one.name, found),))

    async def _gather(
        self, wanted: Wanted, chosen: Sequence[ListingSource], *, offline: bool
    ) -> tuple[dict[str, _Told], list[Listing]]:
        """Ask the sources and the store side by side; sources that are too slow are missing from the answer."""
        told: dict[str, _Told] = {}

        async def ask(one: ListingSource) -> None:
            told[one.name] = await self._ask(one, wanted)

        async with anyio.create_task_group() as tasks:
            for one in chosen:
                if not offline or isinstance(one, FixedSource):
                    tasks.start_soon(ask, one)
            away = [one.name for one in chosen if not isinstance(one, FixedSource)]
            remembered = await self._memory.recall(wanted, away)
            if remembered:
                tasks.cancel_scope.deadline = anyio.current_time() + self._store_patience_s
        gone = {(name, wanted.query.removeprefix("@").casefold()) for name, one in told.items() if one.is_gone}
        return told, [one for one in remembered if (one.source.value, one.name.casefold()) not in gone]

    def _state_of(
        self, one: ListingSource, told: _Told | None, remembered: Sequence[Listing], *, offline: bool
    ) -> SourceState:
        """How a source did: what it said itself, or how old what is remembered of it is."""
        if told is not None and told.state is not None:
            return told.state
        old = [listing for listing in remembered if listing.source.value == one.name]
        problem = told.problem if told is not None else None
        if problem is not None:
            return SourceState(
                one.name, _kind(problem, bool(old)), self._memory.age_s(old), _line(problem), problem.who
            )
        why = OFFLINE if offline else f"no answer within {self._store_patience_s:g} s"
        return SourceState(one.name, "stale" if old else "down", self._memory.age_s(old), why)

    async def lookalike_warnings(self, listing: Listing) -> tuple[str, ...]:
        """Say whom a listing could be taken for, and whose work it claims without being theirs."""
        return (await self._memory.crowd()).warnings(listing)

    async def family(self, listing: Listing) -> tuple[Listing, ...]:
        """Return the listing, and what is remembered of the same server in other sources."""
        return await self._memory.family(listing)

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

    async def release(self, name: str, version: str, *, source: str | None = None) -> Listing:
        """Return one server in exactly this version, where a source keeps older ones.

        Raises: as `show`; NotFound also names the versions that there are.
        """
        return await exact_release(self._chosen(source), self._catalogue, name, version)

    async def releases(self, listing: Listing) -> tuple[ListedVersion, ...] | None:
        """Return all releases of a listing, newest first; None when its source does not tell them (now)."""
        return await releases_of(self._sources, listing)

    def drift(self) -> dict[str, tuple[Drift, ...]]:
        """How the answers of each source differed from what is known of them, since this process began."""
        return {one.name: one.drift for one in self._sources if isinstance(one, Monitored)}

    async def health(self) -> dict[str, Health | DiscoveryError]:
        """Ask each source that can be asked how it is, side by side; a problem is an answer, too."""
        told: dict[str, Health | DiscoveryError] = {}

        async def ask(name: str, one: Healthy) -> None:
            try:
                told[name] = await one.health()
            except DiscoveryError as problem:
                told[name] = problem
            except NotFound:
                return  # it has no such thing

        async with anyio.create_task_group() as tasks:
            for one in self._sources:
                if isinstance(one, Healthy):
                    tasks.start_soon(ask, one.name, one)
        return told

    def _names_at_hand(self) -> list[str]:
        return [name for one in self._sources if isinstance(one, FixedSource) for name in one.names]

    def _chosen(self, source: str | None) -> tuple[ListingSource, ...]:
        if source is None:
            return self._sources
        chosen = tuple(one for one in self._sources if one.name == source)
        if not chosen:
            known = ", ".join(one.name for one in self._sources) or "none"
            raise UsageError(f"there is no source {source[:60]!a}", fix=f"Sources that are on: {known}.")
        return chosen

    async def _ask(self, one: ListingSource, wanted: Wanted) -> _Told:
        """Search one source and look the query up as a name beside it: registries' searches miss published servers."""
        named: list[Found | Exception] = []
        if isinstance(one, FixedSource):
            at_hand = await one.search(wanted)
            listings = tuple(listing for listing in at_hand.listings if _fits(listing, wanted))
            return _Told(listings, _state(one.name, at_hand))
        found: Found | DiscoveryError = Found(())

        async def by_name() -> None:
            named.append(await self._look_up(one, wanted.query))

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
            return _Told(problem=found)
        if found.skipped:
            _log.info("listings_skipped", registry=one.name, skipped=found.skipped)
        exact = [listing for got in named if isinstance(got, Found) for listing in got.listings]
        kept = await self._memory.keep(found.listings, exact)
        return _Told(
            tuple(listing for listing in kept if _fits(listing, wanted)),
            _state(one.name, found),
            is_gone=any(isinstance(got, NotFound) for got in named),
        )

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
                known = await self._memory.get(one.name, name.removeprefix("@"))
                age_s = self._memory.age_s([known] if known is not None else [])
                return known, SourceState(
                    one.name, _kind(outcome, known is not None), age_s, _line(outcome), outcome.who
                )
            case _:
                return None, None

    async def _whole(self, one: ListingSource, record: Listing) -> Listing:
        """Add to a full record what only a search tells (verified, uses), and remember the whole."""
        claim = await self._memory.get(one.name, record.name)
        if one.search_says_more:
            # The claims decide what may be installed: ask afresh; without an answer, what is remembered counts.
            found = await _searched(one, Wanted(record.name, limit=20))
            listings = found.listings if isinstance(found, Found) else ()
            claim = next((item for item in listings if item.name.casefold() == record.name.casefold()), claim)
        whole = with_claims(record, claim)
        await self._memory.remember([whole])
        return whole

    async def _unknown(self, name: str, outcomes: Sequence[Found | Exception]) -> Exception:
        problems = [one for one in outcomes if isinstance(one, DiscoveryError)]
        if outcomes and all(isinstance(one, UsageError) for one in outcomes):
            return next(one for one in outcomes if isinstance(one, UsageError))
        shown = ascii(name[:80])
        if problems and not any(isinstance(one, NotFound) for one in outcomes):
            said = "; ".join(one.message for one in problems)
            return RegistryUnavailable(f"{shown} is not remembered here, and: {said}", fix=problems[0].fix)
        near = await self._memory.nearest(name, self._names_at_hand())
        fix = f"Did you mean {', '.join(near)}?" if near else "Look for it with `mcp-gateway search`."
        unasked = "".join(f" ({one.message})" for one in problems)
        return NotFound(f"no source knows {shown}{unasked}", fix=fix)


async def lookalike_warnings(listing: Listing, catalogue: ListingStore) -> tuple[str, ...]:
    """Say whom a listing could be taken for among all that the catalogue knows."""
    return Crowd(await catalogue.famous()).warnings(listing)


def _state(name: str, found: Found) -> SourceState:
    if found.problem is None:
        return SourceState(name, "ok", found.age_s)
    kind = _kind(found.problem, gave_something=True)
    return SourceState(name, kind, found.age_s, _line(found.problem), found.problem.who)


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
