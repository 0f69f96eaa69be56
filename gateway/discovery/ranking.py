"""Listings of all sources in one order, with a score in 0..1 and the reasons for it. No I/O."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gateway.discovery.identity import merge
from gateway.discovery.reasons import (
    LOOKALIKE,
    NOT_HERE,
    Reason,
    by_age,
    by_experience,
    by_name,
    by_place,
    by_use,
    by_words,
    objections,
    verified,
)
from gateway.listing import Listing
from gateway.store.listings.values import Track
from gateway.store.listings.wording import asked_terms


@dataclass(frozen=True, slots=True)
class View:
    """From where the listings are looked at; the default knows nothing.

    `now`: seconds since the epoch, None: age does not count. `why_not` says why a listing cannot run on this machine,
    None: it can, or nobody knows. `suspicions` says whom it could be taken for. `tracks`: by reference.
    """

    now: float | None = None
    why_not: Callable[[Listing], str | None] = lambda _: None
    suspicions: Callable[[Listing], tuple[str, ...]] = lambda _: ()
    tracks: Mapping[str, Track] = field(default_factory=dict)


NOWHERE = View()


@dataclass(frozen=True, slots=True)
class RankedListing:
    """A found server: its best listing, all sources that have it, its score (0..1) and why it stands where it does.

    `others` are the same server's listings in the other sources. `warnings` say whom it could be taken for.
    """

    listing: Listing
    sources: tuple[str, ...]
    score: float
    why: tuple[str, ...]
    others: tuple[Listing, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Scored:
    """An item with its unbounded score, which orders; judged once what speaks against it here is in the score."""

    score: float
    item: RankedListing
    is_judged: bool = False

    @property
    def place(self) -> tuple[float, str, str]:
        """Where it stands."""
        return -self.score, self.item.listing.name, self.item.listing.source.value

    def judged(self, view: View) -> _Scored:
        """Return it with what the machine and well known names say against it."""
        item, score, why = self.item, self.score, self.item.why
        if (why_not := view.why_not(item.listing)) is not None:
            score, why = score + NOT_HERE, (*why, f"does not run here: {why_not}")
        # The fame of one listing is the server's: its copy in another registry is no lookalike of it.
        warnings = view.suspicions(max((item.listing, *item.others), key=lambda listing: listing.use_count or 0))
        if warnings:
            score, why = score + LOOKALIKE, (*why, *warnings)
        return _Scored(score, replace(item, score=_shown(score), why=why, warnings=warnings), is_judged=True)


@dataclass(frozen=True, slots=True)
class _Question:
    query: str
    terms: tuple[str, ...]
    places: Mapping[tuple[str, str], Reason]
    view: View


def rank(
    query: str,
    answers: Mapping[str, Sequence[Listing]],
    *,
    remembered: Sequence[Listing] = (),
    view: View = NOWHERE,
    limit: int | None = None,
) -> list[RankedListing]:
    """Merge and order what was found.

    `answers` maps a source's name to its fresh listings, best first. `remembered` are listings of the store, of any
    source, best first; those that a source has just told anew are left out here.

    Deleted servers are left out. At most `limit` are returned. The order is total: equal scores are ordered by name.
    """
    fresh = [listing for listings in answers.values() for listing in listings]
    told = {_key(listing) for listing in fresh}
    kept = [listing for listing in remembered if _key(listing) not in told]
    places = {
        (listing.source.value, listing.name): by_place(place, "" if listings is kept else listing.source.value)
        for listings in (*answers.values(), kept)
        for place, listing in reversed(list(enumerate(listings)))
    }
    question = _Question(query, tuple(asked_terms(query)), places, view)
    alive = [listing for listing in (*fresh, *kept) if listing.status != "deleted"]
    return _best([_ranked(question, group) for group in merge(alive)], view, limit)


def _best(ranked: list[_Scored], view: View, limit: int | None) -> list[RankedListing]:
    """Take the best in their order. Objections cost time to find and only lower a score: raised for the foremost."""
    queue = [(one.place, number, one) for number, one in enumerate(ranked)]
    heapq.heapify(queue)
    taken: list[RankedListing] = []
    while queue and (limit is None or len(taken) < limit):
        _, number, foremost = heapq.heappop(queue)
        if foremost.is_judged:
            taken.append(foremost.item)
        else:
            judged = foremost.judged(view)
            heapq.heappush(queue, (judged.place, number, judged))
    return taken


def _key(listing: Listing) -> tuple[str, str]:
    return listing.source.value, listing.name.casefold()


def _ranked(question: _Question, group: Sequence[Listing]) -> _Scored:
    scored = [(*_score(question, listing), listing) for listing in group]
    score, why, best = max(scored, key=lambda row: row[0])  # of equals the first: told now, not remembered
    sources = tuple(dict.fromkeys(listing.source.value for listing in group))
    if len(sources) > 1:
        why = (*why, "listed by " + " and ".join(sources))
    others = tuple(listing for listing in group if listing is not best)
    return _Scored(score, RankedListing(best, sources, _shown(score), why, others))


def _shown(score: float) -> float:
    return round(min(1.0, max(0.0, score)), 4)


def _score(question: _Question, listing: Listing) -> tuple[float, tuple[str, ...]]:
    view = question.view
    parts: list[Reason] = [
        by_name(question.query, listing),
        by_words(question.terms, listing),
        question.places[listing.source.value, listing.name],
        verified(listing),
        by_use(listing),
        by_age(listing, view.now),
        *by_experience(view.tracks.get(f"{listing.source.value}:{listing.name}")),
        *objections(listing),
    ]
    return sum(points for points, _ in parts), tuple(reason for _, reason in parts if reason)
