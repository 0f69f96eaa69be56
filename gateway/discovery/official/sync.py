"""A copy of the official registry in our store: everything once, then what changed, page by page.

The store is never half. Each page's listings are kept before the mark moves over them, so that a walk which breaks off
goes on where it stopped, or reads one page twice; only a whole walk moves the moment from which changes are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import anyio
import msgspec
import structlog

from gateway.clock import Clock
from gateway.discovery.official.mark import Mark, Walk, completed, next_walk, read_mark, stepped, written
from gateway.discovery.parsing.registry import Page
from gateway.discovery.registry import RegistrySource
from gateway.errors import DiscoveryError, ListingInvalid, RegistryUnauthorized, RegistryUnavailable
from gateway.listing import Listing

MAX_PAGES = 5000  # of a hundred listings: a paging that goes on for longer never ends
MAX_LISTINGS = 500_000  # a registry may answer with larger pages than were asked for
MAX_EMPTY = 3  # empty pages in a row that may still be followed by full ones
SHRUNK = 0.5  # a full walk that finds less than this part of the last one is not believed to be the whole
_log = structlog.get_logger("discovery")

Tell = Callable[[dict[str, Any]], None]
"""Hears {"step", "message", "done", "total"}; never waits, never raises."""


class SyncStore(Protocol):
    """Remembers the copy, and how far the copying came (in words that only the copier understands)."""

    async def put_listings(self, listings: Sequence[Listing]) -> None: ...
    async def forget_unseen(self, source: str, since: float) -> None: ...
    async def sync_mark(self, source: str) -> str | None: ...
    async def put_sync_mark(self, source: str, mark: str) -> None: ...


@dataclass(slots=True)
class SyncReport:
    """What one run did. `servers` were kept, `withdrawn` are those among them that their registry has withdrawn.

    `skipped` entries were malformed; `since` None: everything was read.
    """

    since: str | None
    resumed: bool
    servers: int = 0
    withdrawn: int = 0
    skipped: int = 0
    pages: int = 0
    took_s: float = 0.0
    at: float = 0.0  # when it was complete, seconds since the epoch


class RegistrySync:
    """Copies one registry. Runs one after the other, whoever asks."""

    def __init__(self, source: RegistrySource, store: SyncStore, clock: Clock) -> None:
        self._source = source
        self._store = store
        self._clock = clock
        self._turn = anyio.Lock()

    async def last_complete(self) -> float | None:
        """Return when the last walk was complete (seconds since the epoch), None when never."""
        return (await self._mark()).at

    async def run(self, tell: Tell, *, full: bool = False) -> SyncReport:
        """Go on with a broken walk, or read what changed since the last; `full`: read everything again.

        Raises:
            DiscoveryError: the registry did not answer, or not usefully; what was read is kept, the next run goes on.
            StoreError: the store cannot be written.
        """
        if self._turn.locked():
            tell({"step": "sync", "message": "waiting for another sync to end", "done": None, "total": None})
        async with self._turn:
            mark, started = await self._mark(), self._clock.now()
            walk, resumed = next_walk(mark, self._clock.wall(), full=full)
            report = SyncReport(walk.since, resumed)
            walk = await self._walk(mark, walk, report, tell)
            mark = await self._completed(mark, walk)
            report.at = mark.at or 0.0
            report.took_s = self._clock.now() - started
        _log.info(
            "registry_synced",
            since=report.since,
            servers=report.servers,
            withdrawn=report.withdrawn,
            skipped=report.skipped,
            pages=report.pages,
            took_s=round(report.took_s, 1),
        )
        return report

    async def _mark(self) -> Mark:
        return read_mark(await self._store.sync_mark(self._source.name), self._source.base_url)

    async def _put(self, mark: Mark) -> None:
        await self._store.put_sync_mark(self._source.name, written(mark))

    async def _walk(self, mark: Mark, walk: Walk, report: SyncReport, tell: Tell) -> Walk:
        """Read page after page into the store, and return the walk at its end."""
        seen: set[str] = set()
        empty = 0
        if walk.cursor is not None:
            page, walk = await self._resumed(walk, report)
        else:
            page = await self._source.page(updated_since=walk.since)
        while True:
            await self._keep(page, report)
            walk = stepped(walk, page.cursor, [one.updated_at for one in page.listings], page.entries)
            _tell(tell, walk, report, mark)
            if page.cursor is None:
                return walk
            empty = empty + 1 if page.entries == 0 else 0
            if page.cursor in seen or empty > MAX_EMPTY or report.pages >= MAX_PAGES or report.servers > MAX_LISTINGS:
                await self._put(msgspec.structs.replace(mark, walk=None))
                raise RegistryUnavailable(
                    f"The MCP registry's pages never end (after {report.pages} of them)",
                    fix="Nothing that was known is lost; try again later.",
                )
            seen.add(page.cursor)
            await self._put(msgspec.structs.replace(mark, walk=walk))
            page = await self._source.page(cursor=walk.cursor, updated_since=walk.since)

    async def _resumed(self, walk: Walk, report: SyncReport) -> tuple[Page, Walk]:
        """Return the page where the walk broke off; a cursor that is no longer understood means: from the beginning."""
        try:
            return await self._source.page(cursor=walk.cursor, updated_since=walk.since), walk
        except (RegistryUnavailable, RegistryUnauthorized, ListingInvalid):
            raise
        except DiscoveryError:
            report.resumed = False
            fresh = Walk(walk.since, self._clock.wall())
            return await self._source.page(updated_since=walk.since), fresh

    async def _keep(self, page: Page, report: SyncReport) -> None:
        await self._store.put_listings(page.listings)
        report.pages += 1
        report.servers += len(page.listings)
        report.withdrawn += sum(one.status == "deleted" for one in page.listings)
        report.skipped += page.skipped

    async def _completed(self, mark: Mark, walk: Walk) -> Mark:
        done = completed(mark, walk, self._clock.wall())
        if walk.since is None:
            if walk.seen < mark.full_count * SHRUNK:
                _log.warning("registry_shrank", before=mark.full_count, now=walk.seen)
                done = msgspec.structs.replace(done, full_count=mark.full_count)
            else:
                # What the registry no longer knows at all was not met on this walk.
                await self._store.forget_unseen(self._source.name, walk.started)
        await self._put(done)
        return done


def _tell(tell: Tell, walk: Walk, report: SyncReport, mark: Mark) -> None:
    total = mark.full_count or None if walk.since is None else None
    message = f"{walk.seen} servers read" if walk.since is None else f"{report.servers} changed servers read"
    tell({"step": "sync", "message": message, "done": walk.seen, "total": max(total, walk.seen) if total else None})
