"""Names that could be taken for those of far better known servers, and listings that claim another's work. No I/O.

In an open registry anybody may take a free name. What cannot be forbidden is said: before somebody installs.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterator
from functools import lru_cache

from gateway.listing import Listing
from gateway.model import Source
from gateway.store.listings.values import Known
from gateway.store.listings.wording import last_part, plain_name, repository_key

FAR_MORE = 20  # times as much used: what the well known server must be, for the other to be suspected
LEAST_USES = 50  # of the well known one: below, nobody gains by imitating it
VERIFIED_COUNTS = 500  # uses that a registry's `verified` is worth
SHORTEST = 6  # letters of a name: shorter ones are a letter apart by chance
KEPT = 4  # well known servers remembered for each spelling
_GENERIC = frozenset({"mcp", "server", "servers", "tool", "tools", "agent", "agents", "api", "client", "test", "demo"})
_HOSTS = frozenset({"com", "io", "dev", "ai", "net", "org", "app", "co", "github", "gitlab"})
_CLAIM = re.compile(r"\b(?:github|gitlab)\.com/([A-Za-z0-9][A-Za-z0-9_.-]*)", re.IGNORECASE)
# Letters of other scripts that look like Latin ones, and Latin ones that look like each other.
_TWINS = str.maketrans(
    "аеорсухіјѕԁһӏкмтвнгпαοερνιτκχυηωβ01i|5ıłøđ",
    "aeopcyxljsdhlkmtbhrnaoepvltkxunwbolllsllod",
)

_SEPARATORS = re.compile(r"[^a-z0-9/|]")


@lru_cache(maxsize=8192)
def skeleton(text: str) -> str:
    """Return a name as a hurried eye sees it: without case, accents and separators, lookalike letters as one."""
    if text.isascii():
        return _merged(_SEPARATORS.sub("", text.lower()).translate(_TWINS))
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(letter for letter in decomposed if unicodedata.category(letter)[0] != "M")
    return _merged("".join(letter for letter in bare.translate(_TWINS) if letter.isalnum() or letter == "/"))


def _merged(look: str) -> str:
    return look.replace("rn", "m").replace("vv", "w")


def is_within_one(one: str, other: str) -> bool:
    """Say whether one letter more, less, changed, or two neighbours swapped make one text of the other."""
    if abs(len(one) - len(other)) > 1:
        return False
    short, long = sorted((one, other), key=len)
    at = next((i for i, letter in enumerate(short) if letter != long[i]), len(short))
    if len(short) < len(long):
        return short[at:] == long[at + 1 :]
    swapped = short[at + 1 : at + 2] + short[at : at + 1] + short[at + 2 :]
    return short[at + 1 :] == long[at + 1 :] or swapped == long[at:]


class Crowd:
    """The well known servers, ready to be compared with: by look, by a missing letter, by repository."""

    def __init__(self, known: Collection[Known]) -> None:
        self._by_look: dict[str, list[Known]] = defaultdict(list)
        self._by_last: dict[str, list[Known]] = defaultdict(list)
        self._by_repository: dict[str, list[Known]] = defaultdict(list)
        self._most = max(map(_weight, known), default=0)
        for one in sorted(known, key=_weight, reverse=True):
            if _weight(one) >= LEAST_USES:
                self._add(one)

    def _add(self, one: Known) -> None:
        plain, last = plain_name(one.name), last_part(one.name)
        for look in {skeleton(plain), skeleton(last), skeleton(one.title)}:
            for key in _with_gaps(look):
                _keep(self._by_look[key], one)
        _keep(self._by_last[last], one)
        if one.repository is not None:
            _keep(self._by_repository[one.repository], one)

    def warnings(self, listing: Listing) -> tuple[str, ...]:
        """Say whom a listing could be taken for, and whose work it claims; nothing for what ships with the gateway."""
        if listing.source is Source.STARTER:
            return ()
        found = (*self._imitations(listing), *self._claims(listing))
        return tuple(dict.fromkeys(found))[:KEPT]

    def _imitations(self, listing: Listing) -> Iterator[str]:
        mine, least = plain_name(listing.name), FAR_MORE * max(1, _own_weight(listing))
        if least > self._most:
            return  # nobody is so much better known
        looks = {skeleton(mine), skeleton(last_part(mine))}
        if not listing.display_name.isascii():
            looks.add(skeleton(listing.display_name))
        seen: set[str] = set()
        for key in {key for look in looks for key in _with_gaps(look)}:
            for one in self._by_look.get(key, ()):
                if one.name in seen or _weight(one) < least:
                    continue
                seen.add(one.name)
                if not _is_related(listing, one) and (how := _likeness(listing, one)):
                    yield f"{how} {one.name}, which is far better known ({_fame(one)})"

    def _claims(self, listing: Listing) -> Iterator[str]:
        """A repository or a text that names somebody else, who is known for a server of that name or repository."""
        mine = _owners(listing.name) | ({_squashed(listing.owner)} if listing.owner else set())
        if not mine:
            return
        said = f"{listing.repository or ''} {listing.homepage or ''} {listing.description}"
        rivals = [
            *self._by_last.get(last_part(listing.name), ()),
            *self._by_repository.get(repository_key(listing.repository) or "", ()),
        ]
        for claimed in dict.fromkeys(_CLAIM.findall(said) if rivals else ()):
            if any(_fits(_squashed(claimed), owner) for owner in mine):
                continue
            for one in rivals:
                is_theirs = any(
                    _fits(_squashed(claimed), owner) for owner in _owners(one.name) or _repository_owner(one)
                )
                if (
                    is_theirs
                    and plain_name(one.name) != plain_name(listing.name)
                    and _weight(one) > _own_weight(listing)
                ):
                    yield f"it points to {claimed}, who did not publish it: theirs is {one.name} ({_fame(one)})"


def _likeness(listing: Listing, one: Known) -> str:
    """How a listing's name or title could be taken for a known one; "" when it could not."""
    mine, theirs = plain_name(listing.name), plain_name(one.name)
    for my_part, their_part in ((mine, theirs), (last_part(mine), last_part(theirs))):
        if my_part == their_part or _is_generic(their_part):
            continue
        my_look, their_look = skeleton(my_part), skeleton(their_part)
        if my_look == their_look:
            return "its name looks like that of"
        if min(len(my_look), len(their_look)) >= SHORTEST and _is_slip(my_part, their_part, my_look, their_look):
            return "its name is one letter away from that of"
    if last_part(mine) == last_part(theirs) and _borrows(mine, theirs):
        return "its owner's name borrows that of the owner of"
    title = listing.display_name
    is_foreign = not title.isascii() and title.casefold() != one.title and len(title) >= SHORTEST
    if is_foreign and skeleton(title) in {skeleton(one.title), skeleton(last_part(theirs))}:
        return "its title is spelled with letters that look like those of"
    return ""


def _borrows(mine: str, theirs: str) -> bool:
    """An owner such as `acme-official` beside `acme`."""
    my_owner, their_owner = (_squashed(name.rpartition("/")[0]) for name in (mine, theirs))
    return len(their_owner) >= SHORTEST - 2 and my_owner != their_owner and their_owner in my_owner


def _is_slip(mine: str, theirs: str, my_look: str, their_look: str) -> bool:
    """A letter apart, but not as plurals and numbered versions are; an owner's name has neither."""
    if not is_within_one(my_look, their_look):
        return False
    if "/" in mine and "/" in theirs:
        return True
    short, long = sorted((mine, theirs), key=len)
    return long != f"{short}s" and re.sub(r"\d", "", mine) != re.sub(r"\d", "", theirs)


def _is_related(listing: Listing, one: Known) -> bool:
    """The same server elsewhere, another of the same owner, or of the same repository."""
    mine, theirs = plain_name(listing.name), plain_name(one.name)
    my_owner, their_owner = mine.rpartition("/")[0], theirs.rpartition("/")[0]
    repository = repository_key(listing.repository)
    is_same_owner = bool(my_owner) and my_owner == their_owner
    return mine == theirs or is_same_owner or (repository is not None and repository == one.repository)


def _with_gaps(look: str) -> Iterator[str]:
    yield look
    if len(look) >= SHORTEST - 1:
        yield from (look[:at] + look[at + 1 :] for at in range(len(look)))


def _keep(kept: list[Known], one: Known) -> None:
    if len(kept) < KEPT and one not in kept:
        kept.append(one)


def _weight(one: Known) -> int:
    return max(one.use_count, VERIFIED_COUNTS * bool(one.verified))


def _own_weight(listing: Listing) -> int:
    return max(listing.use_count or 0, VERIFIED_COUNTS * listing.verified)


def _fame(one: Known) -> str:
    uses = [f"{one.use_count} uses"] if one.use_count else []
    return ", ".join([*(["verified"] if one.verified else []), *uses])


def _is_generic(part: str) -> bool:
    return set(re.findall(r"[a-z0-9]+", part)) <= _GENERIC


def _owners(name: str) -> set[str]:
    """Who publishes under a name: its namespace, of `com.acme/x` the labels that are not a host's."""
    namespace = plain_name(name).rpartition("/")[0]
    labels = [label for label in namespace.split(".") if label not in _HOSTS] if "." in namespace else [namespace]
    return {_squashed(label) for label in labels} - {""}


def _repository_owner(one: Known) -> set[str]:
    parts = (one.repository or "").split("/")
    return {_squashed(parts[1])} if len(parts) > 2 else set()


def _squashed(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _fits(one: str, other: str) -> bool:
    if one == other:
        return True
    return min(len(one), len(other)) >= 4 and (one in other or other in one)
