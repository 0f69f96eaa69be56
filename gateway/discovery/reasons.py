"""What makes a listing stand higher or lower: points with the reason for them, one function each. No I/O."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

from gateway.listing import Listing, UnsupportedConnection
from gateway.store.listings.values import Track
from gateway.store.listings.wording import is_dense, last_part, plain_name

Reason = tuple[float, str]
"""Points to add to the score, and the reason in words ("": nothing worth saying)."""

# The good parts add up to 1. The words of the question weigh most, then what the registry itself thinks, then trust
# and use. An exact name beats everything: whoever spells a name wants that server.
WORDS, PLACE, VERIFIED, USES, EXPERIENCE, AGE = 0.45, 0.2, 0.13, 0.13, 0.05, 0.04
EXACT = 2.0
LAST_PART = 0.1  # little: in an open registry anybody may call a server `weather`
MANY_USES = 6.0  # a million uses fill the part that is for use
PENALTY = 0.3
NOT_HERE = -0.15  # it may be installed elsewhere, or after what it lacks was installed
LOOKALIKE = -0.3
FAILS_HERE = -0.15
MANY_CALLS = 20  # calls after which an error rate means something
FRESH_DAYS, OLD_DAYS = 90.0, 730.0
DAY_S = 86400.0
SHORTEST_STEM = 3  # letters that are enough to know a word by its beginning
NOTHING: Reason = (0.0, "")


def by_name(query: str, listing: Listing) -> Reason:
    """Whether the question is the listing's name."""
    asked = plain_name(query)
    if asked and asked == plain_name(listing.name):
        return EXACT, "exactly the name asked for"
    if asked and asked == last_part(listing.name):
        return LAST_PART, "the last part of its name is what was asked for"
    return NOTHING


def by_words(asked: Sequence[str], listing: Listing) -> Reason:
    """How many of the question's words it is about; in its name they count more than in its text."""
    if not asked:
        return NOTHING
    in_name, in_text = _hits(asked, listing)
    points = WORDS * (len(in_name) + 0.6 * len(in_text)) / len(asked)
    hits = sorted({*in_name, *in_text})
    return points, f"matches {', '.join(hits)}" if hits else ""


def _hits(asked: Sequence[str], listing: Listing) -> tuple[list[str], list[str]]:
    named = _folded(f"{listing.name} {listing.display_name}")
    in_name = [word for word in asked if _begins_a_word(word).search(named)]
    missing = [word for word in asked if word not in in_name]
    if not missing:
        return in_name, []
    tools = " ".join(tool.name for tool in listing.tools or ())
    about = _folded(f"{listing.description} {tools} {listing.owner or ''}")
    return in_name, [word for word in missing if _begins_a_word(word).search(about)]


@lru_cache(maxsize=1024)
def _begins_a_word(word: str) -> re.Pattern[str]:
    """Find a word, also with another ending; a short one only as it is, one of a dense script anywhere."""
    folded = _folded(word)
    if is_dense(word):
        return re.compile(re.escape(folded))
    stem = folded.removesuffix("s")
    rest = re.escape(stem) if len(stem) >= SHORTEST_STEM else rf"{re.escape(folded)}(?![^\W_])"
    return re.compile(rf"(?<![^\W_]){rest}")


def _folded(text: str) -> str:
    """Return a text without case and accents."""
    if text.isascii():
        return text.lower()
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def by_place(place: int, source: str) -> Reason:
    """Where its registry put it; `source` is "" for the store's own search, whose order the words tell already."""
    return PLACE / (1 + place / 5), f"place {place + 1} in {source}" if source else ""


def verified(listing: Listing) -> Reason:
    """Whether its registry vouches for it."""
    return (VERIFIED, "verified") if listing.verified else NOTHING


def by_use(listing: Listing) -> Reason:
    """How much it is used."""
    if not listing.use_count:
        return NOTHING
    return USES * min(1.0, math.log10(1 + listing.use_count) / MANY_USES), f"{listing.use_count} uses"


def by_age(listing: Listing, now: float | None) -> Reason:
    """How fresh it is; said when that is remarkable."""
    at = _seconds(listing.updated_at or listing.created_at)
    if at is None or now is None:
        return NOTHING
    days = max(0.0, (now - at) / DAY_S)
    points = AGE * min(1.0, max(0.0, (OLD_DAYS - days) / (OLD_DAYS - FRESH_DAYS)))
    day = datetime.fromtimestamp(at, UTC).date().isoformat()
    if days <= FRESH_DAYS:
        return points, f"updated {day}"
    return points, f"not updated since {day}" if days > OLD_DAYS else ""


def _seconds(text: str | None) -> float | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
        return None if moment is None else moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return None


def by_experience(track: Track | None) -> list[Reason]:
    """How it did here: whether it starts, and how many of its calls fail."""
    if track is None:
        return []
    found: list[Reason] = []
    tries = track.starts_ok + track.starts_failed
    if track.starts_failed:
        share = track.starts_failed / tries
        found.append((FAILS_HERE * share, f"{track.starts_failed} of its {tries} starts here failed or broke off"))
    elif tries and not track.calls:
        found.append((EXPERIENCE / 2, f"started here {tries} of {tries} times"))
    if track.calls:
        rate = track.errors / track.calls
        sure = min(1.0, track.calls / MANY_CALLS)
        points = EXPERIENCE * sure * (1 - rate) + FAILS_HERE * sure * rate
        found.append((points, f"{track.errors} of its {track.calls} newest calls here failed"))
    return found


def objections(listing: Listing) -> list[Reason]:
    """What speaks against it, whatever was asked."""
    found: list[Reason] = []
    if listing.status == "deprecated":
        found.append((-PENALTY, f"deprecated: {listing.status_message}" if listing.status_message else "deprecated"))
    if listing.scan_passed is False:
        found.append((-PENALTY, "its security scan failed"))
    elif listing.scan_passed:
        found.append((0.0, "security scan passed"))
    connections = listing.connections
    if connections is not None and all(isinstance(one, UnsupportedConnection) for one in connections):
        found.append((-PENALTY, "nothing in it can be installed"))
    return found
