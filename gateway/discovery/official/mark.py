"""How far the official registry was copied: the mark that the store keeps between two runs. No I/O, no clock.

All times are seconds since the epoch, except `since` and `until`, which are RFC 3339 in the registry's own time.
"""

from __future__ import annotations

import msgspec

from gateway.clock import rfc3339
from gateway.discovery.parsing.times import epoch_of

OVERLAP_S = 600.0  # asked for again each time: clocks differ, and entries change while they are being read
FULL_EVERY_S = 7 * 86400.0  # what changed in ways that increments do not show is noticed after so long
RESUME_WITHIN_S = 86400.0  # an older walk starts again


class Walk(msgspec.Struct, frozen=True):
    """A walk through the pages that is not over: where it stands. `since` None: it reads everything."""

    since: str | None
    started: float
    cursor: str | None = None
    newest: float | None = None  # of the `updatedAt`s seen
    seen: int = 0


class Mark(msgspec.Struct, frozen=True):
    """What was copied: everything that changed before `until`. `walk` is one that broke off."""

    base_url: str
    until: str | None = None
    at: float | None = None  # when the last walk was complete
    full_at: float | None = None  # when the last full one was
    full_count: int = 0  # entries of that one
    walk: Walk | None = None


_DECODER = msgspec.json.Decoder(Mark)


def read_mark(text: str | None, base_url: str) -> Mark:
    """Read a kept mark; one of another registry, or that cannot be read, counts for nothing."""
    try:
        mark = _DECODER.decode(text) if text else None
    except msgspec.MsgspecError:
        mark = None
    return mark if mark is not None and mark.base_url == base_url else Mark(base_url)


def written(mark: Mark) -> str:
    """Spell a mark for the store."""
    return msgspec.json.encode(mark).decode()


def next_walk(mark: Mark, now: float, *, full: bool = False) -> tuple[Walk, bool]:
    """Return the walk to go on with or to begin, and whether it was begun before."""
    broken = mark.walk
    if broken is not None and 0 <= now - broken.started <= RESUME_WITHIN_S and (broken.since is None or not full):
        return broken, broken.cursor is not None
    is_stale = mark.full_at is None or now - mark.full_at > FULL_EVERY_S
    return Walk(None if full or is_stale else mark.until, now), False


def stepped(walk: Walk, cursor: str | None, times: list[str | None], entries: int) -> Walk:
    """Return the walk one page further; `times` are the `updatedAt`s of that page."""
    known = [at for text in times if (at := epoch_of(text)) is not None]
    newest = max([*known, *([walk.newest] if walk.newest is not None else [])], default=None)
    return msgspec.structs.replace(walk, cursor=cursor, newest=newest, seen=walk.seen + entries)


def completed(mark: Mark, walk: Walk, now: float) -> Mark:
    """Return the mark after a whole walk.

    What changed while the walk went on may have been missed on pages already read, so `until` lies before its start,
    and before the newest change seen: the registry's clock is not ours.
    """
    ends = [walk.started] + ([walk.newest] if walk.newest is not None else [])
    until = rfc3339(max(0.0, min(ends) - OVERLAP_S))
    if walk.newest is None and mark.until is not None:
        until = mark.until  # nothing new: asking from the same moment again costs as little
    if walk.since is not None:
        return Mark(mark.base_url, max(until, walk.since), now, mark.full_at, mark.full_count)
    return Mark(mark.base_url, until, now, now, walk.seen)
