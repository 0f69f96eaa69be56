"""Listings of all sources in one order, with a score in 0..1 and the reasons for it. No I/O."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.discovery.identity import merge, plain_name
from gateway.listing import Listing, UnsupportedConnection

# Parts of the score; they add up to 1. The words of the question weigh most, then what the registry itself thinks,
# then trust and use. An exact name beats everything: whoever spells a name wants that server.
_WORDS, _PLACE, _VERIFIED, _USES = 0.45, 0.25, 0.15, 0.15
_EXACT = 2.0
_LAST_PART = 0.1  # little: in an open registry anybody may call a server `weather`
_MANY_USES = 6.0  # a million uses fill the part that is for use
_PENALTY = 0.3
_STOP_WORDS = frozenset(
    {"a", "an", "and", "for", "in", "mcp", "of", "on", "or", "server", "servers", "the", "to", "with"}
)


@dataclass(frozen=True, slots=True)
class RankedListing:
    """A found server: its best listing, all sources that have it, its score (0..1) and why it stands where it does.

    `others` are the same server's listings in the other sources.
    """

    listing: Listing
    sources: tuple[str, ...]
    score: float
    why: tuple[str, ...]
    others: tuple[Listing, ...] = ()


def rank(query: str, answers: Mapping[str, Sequence[Listing]]) -> list[RankedListing]:
    """Merge and order what the sources found; `answers` maps a source's name to its listings, best first.

    Deleted servers are left out. The order is total: equal scores are ordered by name.
    """
    places = {
        (listing.source.value, listing.name): place
        for listings in answers.values()
        for place, listing in reversed(list(enumerate(listings)))
    }
    alive = [listing for listings in answers.values() for listing in listings if listing.status != "deleted"]
    ranked = [_ranked(query, group, places) for group in merge(alive)]
    ranked.sort(key=lambda row: (-row[0], row[1].listing.name, row[1].listing.source))
    return [item for _, item in ranked]


def _ranked(query: str, group: Sequence[Listing], places: Mapping[tuple[str, str], int]) -> tuple[float, RankedListing]:
    """Return the unbounded score, which orders, and the item, whose shown score is bounded."""
    scored = [(*_score(query, listing, places[listing.source.value, listing.name]), listing) for listing in group]
    score, why, best = max(scored, key=lambda row: (row[0], row[2].name))
    sources = tuple(dict.fromkeys(listing.source.value for listing in group))
    if len(sources) > 1:
        why = (*why, "listed by " + " and ".join(sources))
    others = tuple(listing for listing in group if listing is not best)
    return score, RankedListing(best, sources, round(min(1.0, max(0.0, score)), 4), why, others)


def _score(query: str, listing: Listing, place: int) -> tuple[float, tuple[str, ...]]:
    parts = (
        _by_name(query, listing),
        _by_words(query, listing),
        (_PLACE / (1 + place / 5), f"place {place + 1} in {listing.source.value}"),
        (_VERIFIED, "verified") if listing.verified else (0.0, ""),
        _by_use(listing),
        *_objections(listing),
    )
    return sum(points for points, _ in parts), tuple(reason for _, reason in parts if reason)


def _by_name(query: str, listing: Listing) -> tuple[float, str]:
    asked = query.strip().removeprefix("@").casefold()
    if asked and asked in {listing.name.casefold(), plain_name(listing)}:
        return _EXACT, "exactly the name asked for"
    if asked and asked == listing.name.casefold().rsplit("/", 1)[-1]:
        return _LAST_PART, "the last part of its name is what was asked for"
    return 0.0, ""


def _by_words(query: str, listing: Listing) -> tuple[float, str]:
    asked = _words(query)
    if not asked:
        return 0.0, ""
    in_name = asked & _words(f"{listing.name} {listing.display_name}")
    in_text = asked & _words(listing.description) - in_name
    points = _WORDS * (len(in_name) + 0.6 * len(in_text)) / len(asked)
    hits = sorted(in_name | in_text)
    return points, f"matches {', '.join(hits)}" if hits else ""


def _words(text: str) -> set[str]:
    found = set(re.findall(r"[^\W_]+", text.casefold()))
    return found - _STOP_WORDS or found


def _by_use(listing: Listing) -> tuple[float, str]:
    if not listing.use_count:
        return 0.0, ""
    return _USES * min(1.0, math.log10(1 + listing.use_count) / _MANY_USES), f"{listing.use_count} uses"


def _objections(listing: Listing) -> list[tuple[float, str]]:
    found = []
    if listing.status == "deprecated":
        found.append((-_PENALTY, f"deprecated: {listing.status_message}" if listing.status_message else "deprecated"))
    if listing.scan_passed is False:
        found.append((-_PENALTY, "its security scan failed"))
    connections = listing.connections
    if connections is not None and all(isinstance(one, UnsupportedConnection) for one in connections):
        found.append((-_PENALTY, "nothing in it can be installed"))
    return found
