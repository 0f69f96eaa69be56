"""What discovery remembers of all sources, in the store: kept when told, recalled when asked."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterable, Sequence

import anyio.to_thread
import structlog

from gateway.clock import Clock
from gateway.discovery.claims import with_claims, with_details
from gateway.discovery.identity import merge
from gateway.discovery.lookalike import Crowd
from gateway.discovery.parsing.fields import clean_text
from gateway.discovery.ports import ListingStore, Wanted
from gateway.errors import StoreError
from gateway.listing import Listing
from gateway.store.listings.values import Filter, Known
from gateway.store.listings.wording import last_part, plain_name

CANDIDATES = 50  # recalled for one search: enough to choose from, few enough to be read at once
NEAREST = 3  # names proposed
ALIKE = 100  # names compared letter by letter with one that nobody knows
_log = structlog.get_logger("discovery")


class Memory:
    """The store as discovery uses it."""

    def __init__(self, catalogue: ListingStore, clock: Clock) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self._known: tuple[Known, ...] = ()
        self._crowd = Crowd(())

    async def keep(self, found: Sequence[Listing], exact: Sequence[Listing]) -> list[Listing]:
        """Remember what was found; the exact match comes first, the rest gets the details that are already known."""
        by_name = {listing.name.casefold(): listing for listing in found}
        firsts = [with_claims(listing, by_name.pop(listing.name.casefold(), None)) for listing in exact]
        keys = {name: (listing.source.value, listing.name) for name, listing in by_name.items()}
        known = await self._catalogue.get_many([*keys.values()])
        rest = [with_details(listing, known.get(keys[name])) for name, listing in by_name.items()]
        await self.remember([*firsts, *rest])
        return [*firsts, *rest]

    async def remember(self, listings: Sequence[Listing]) -> None:
        """Keep listings for the day their registry is away; a store that cannot be written costs no answer."""
        try:
            await self._catalogue.put_listings(listings)
        except StoreError as exc:
            _log.warning("listings_not_remembered", reason=exc.message)

    async def recall(self, wanted: Wanted, sources: Sequence[str]) -> list[Listing]:
        """Return what is remembered of these sources: what is called so, then what is about it."""
        only = Filter(tuple(sources), wanted.verified, wanted.remote, wanted.namespace)
        named = await self._catalogue.named(wanted.query, only=only)
        found = await self._catalogue.find(wanted.query, limit=max(CANDIDATES, wanted.limit), only=only)
        return [*{(one.source, one.name): one for one in (*named, *found)}.values()]

    async def get(self, source: str, name: str) -> Listing | None:
        """Return one remembered listing."""
        return await self._catalogue.get(source, name)

    async def family(self, listing: Listing) -> tuple[Listing, ...]:
        """Return the listing with those of other sources that are the same server."""
        return merge([listing, *await self._catalogue.relatives(listing)])[0]

    async def crowd(self) -> Crowd:
        """Return the well known servers, to compare names with."""
        known = await self._catalogue.famous()
        if known is not self._known:
            if _standing(known) != _standing(self._known):
                # Tens of milliseconds of looking at letters: beside the loop, on which calls are answered.
                self._crowd = await anyio.to_thread.run_sync(Crowd, known)
            self._known = known
        return self._crowd

    async def nearest(self, text: str, at_hand: Iterable[str] = ()) -> list[str]:
        """Return at most three names, of those remembered and those `at_hand`, that look most like a text."""
        asked = plain_name(clean_text(text, 200))
        names = {*at_hand, *await self._catalogue.alike(asked, limit=ALIKE)}
        names |= {one.name for one in await self._catalogue.find("", limit=ALIKE)}
        names |= {one.name for one in await self._catalogue.find(last_part(asked))}
        forms: dict[str, list[str]] = defaultdict(list)
        for name in sorted(names):
            plain = plain_name(name)
            for form in {plain, plain.rsplit("/", 1)[-1]}:
                forms[form].append(name)
        near = difflib.get_close_matches(asked, forms, n=NEAREST, cutoff=0.6)
        return [*dict.fromkeys(name for form in near for name in forms[form])][:NEAREST]

    def age_s(self, listings: Sequence[Listing]) -> float | None:
        """Return how old the oldest of these is, in seconds; None of nothing."""
        if not listings:
            return None
        return max(0.0, self._clock.wall() - min(listing.fetched_at for listing in listings))


def _standing(known: Sequence[Known]) -> list[tuple[str, str | None, int, int]]:
    """What matters of who is known: uses by their magnitude only, for they grow all the time."""
    return [(one.name, one.repository, one.verified, one.use_count.bit_length()) for one in known]
