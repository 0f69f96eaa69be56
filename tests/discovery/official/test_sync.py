"""Copying the official registry into a store, against its stand-in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anyio
import pytest

from gateway.clock import rfc3339
from gateway.discovery.official.mark import Mark, Walk, read_mark, written
from gateway.discovery.official.sync import MAX_EMPTY, RegistrySync
from gateway.discovery.parsing.registry import Page
from gateway.discovery.registry import RegistrySource
from gateway.errors import RegistryUnavailable, StoreUnavailable
from gateway.listing import Listing
from tests.discovery.support import BASE, client_of, fail
from tests.fakes import FakeClock
from tests.standins import registry
from tests.standins.faults import Controlled

NOW = 1_800_000_000.0


class MemoryStore:
    """A copy in memory; `broken` makes the next writes fail."""

    def __init__(self) -> None:
        self.kept: dict[str, Listing] = {}
        self.mark: str | None = None
        self.marks: list[str] = []
        self.largest = 0
        self.broken = False

    async def put_listings(self, listings: Sequence[Listing]) -> None:
        """Keep them."""
        if self.broken:
            raise StoreUnavailable("the disk is full")
        self.largest = max(self.largest, len(listings))
        self.kept |= {one.name: one for one in listings}

    async def forget_unseen(self, source: str, since: float) -> None:
        """Drop what was not seen since."""
        assert source == "registry"
        self.kept = {name: one for name, one in self.kept.items() if one.fetched_at >= since}

    async def sync_mark(self, source: str) -> str | None:
        """Return it."""
        return self.mark

    async def put_sync_mark(self, source: str, mark: str) -> None:
        """Keep it."""
        self.mark = mark
        self.marks.append(mark)


def many(count: int, **more: Any) -> list[Any]:
    """Entries to publish, older than those that are always there."""
    at = "2026-01-01T00:00:00Z"
    return [registry.published(f"io.github.crowd/server-{n:04}", at=at, **more) for n in range(count)]


class FragileSource(RegistrySource):
    """A registry that goes away before its page number `breaks_at`."""

    breaks_at = 0

    def __init__(self, app: Controlled, clock: FakeClock) -> None:
        super().__init__(client_of(app, clock, label="The MCP registry", api_key=""))
        self._app = app

    async def page(self, *, cursor: str | None = None, updated_since: str | None = None) -> Page:
        """Answer, or break."""
        self.breaks_at -= 1
        if self.breaks_at == 0:
            fail(self._app, status=503)
        return await super().page(cursor=cursor, updated_since=updated_since)


class Site:
    """A stand-in with many servers, a store, and a copier between them."""

    def __init__(self, clock: FakeClock) -> None:
        self.app: Controlled = registry.build()
        self.app.settings["published"] = many(250)
        self.store = MemoryStore()
        self.clock = clock
        self.source = FragileSource(self.app, clock)
        self.sync = RegistrySync(self.source, self.store, clock)
        self.told: list[dict[str, Any]] = []

    async def run(self, *, full: bool = False) -> Any:
        """Copy."""
        return await self.sync.run(self.told.append, full=full)

    def asked(self) -> list[str]:
        """The questions since the last look."""
        queries = [row["query"] for row in self.app.log]
        self.app.log.clear()
        return queries

    @property
    def mark(self) -> Mark:
        return read_mark(self.store.mark, BASE)

    def publish(self, *entries: Any) -> None:
        """Add entries."""
        self.app.settings["published"] = [*self.app.settings["published"], *entries]


@pytest.fixture
def site(clock: FakeClock) -> Site:
    """All of it."""
    return Site(clock)


async def test_the_first_run_reads_everything_page_by_page(site: Site) -> None:
    report = await site.run()
    assert (report.servers, report.pages, report.skipped, report.since, report.resumed) == (299, 3, 0, None, False)
    assert len(site.store.kept) == 299
    assert site.store.largest == 100
    assert site.asked()[0] == "limit=100&version=latest&include_deleted=true"
    assert [row["done"] for row in site.told] == [100, 200, 299]
    assert site.told[-1]["message"] == "299 servers read"


async def test_withdrawn_servers_are_kept_as_such(site: Site) -> None:
    report = await site.run()
    assert report.withdrawn == 1
    assert site.store.kept["io.github.acme/gone"].status == "deleted"
    assert site.store.kept["io.github.reference/time"].version == "2026.6.4"


async def test_the_next_run_asks_for_what_changed_since_with_an_overlap(site: Site) -> None:
    await site.run()
    site.asked()
    site.publish(registry.published("io.github.new/one", at=rfc3339(NOW - 60)))
    site.app.settings["withdrawn"] = {"io.github.crowd/server-0007": rfc3339(NOW - 30)}
    report = await site.run()
    (question,) = site.asked()
    assert "updated_since=2026-03-04T04%3A56%3A07.000Z" in question  # ten minutes before the newest change seen
    assert {"io.github.new/one"} <= site.store.kept.keys()
    assert site.store.kept["io.github.crowd/server-0007"].status == "deleted"
    assert (report.withdrawn, report.since) == (2, "2026-03-04T04:56:07.000Z")
    await site.run()
    assert "updated_since=2027-01-15T07%3A49%3A30.000Z" in site.asked()[0]


async def test_a_broken_walk_goes_on_where_it_stopped(site: Site) -> None:
    site.app.settings["published"] = many(350)
    site.source.breaks_at = 3
    with pytest.raises(RegistryUnavailable):
        await site.run()
    assert len(site.store.kept) == 200
    walk = site.mark.walk
    assert walk is not None
    assert (walk.seen, site.mark.until) == (200, None)
    site.app.faults.clear()
    site.asked()
    site.clock.advance(3600)
    report = await site.run()
    assert (report.resumed, report.pages, len(site.store.kept)) == (True, 2, 399)
    assert f"cursor={walk.cursor}".replace("/", "%2F").replace(":", "%3A") in site.asked()[0]
    assert site.mark.until is not None
    assert site.mark.walk is None


async def test_a_failure_of_the_store_moves_no_mark(site: Site) -> None:
    site.store.broken = True
    with pytest.raises(StoreUnavailable):
        await site.run()
    assert site.store.mark is None
    site.store.broken = False
    assert (await site.run()).servers == 299


async def test_a_cursor_that_is_no_longer_understood_means_from_the_beginning(site: Site) -> None:
    site.store.mark = written(Mark(BASE, walk=Walk(None, NOW, "nonsense", None, 100)))
    report = await site.run()
    assert (report.resumed, report.servers) == (False, 299)


async def test_a_registry_that_is_down_says_so_and_loses_nothing(site: Site) -> None:
    await site.run()
    before = site.store.mark
    fail(site.app, status=503)
    with pytest.raises(RegistryUnavailable):
        await site.run()
    assert (site.store.mark, len(site.store.kept)) == (before, 299)


@pytest.mark.parametrize("servers", [[registry.published("a.b/c")], []])
async def test_a_paging_that_goes_round_is_left(site: Site, servers: list[Any]) -> None:
    fail(site.app, status=200, body={"servers": servers, "metadata": {"nextCursor": "again:1"}})
    with pytest.raises(RegistryUnavailable, match="never end"):
        await site.run()
    assert len(site.asked()) == 2
    assert site.mark == Mark(BASE)


async def test_empty_pages_without_end_are_left(site: Site) -> None:
    for number in range(MAX_EMPTY + 2):
        fail(site.app, status=200, body={"servers": [], "metadata": {"nextCursor": f"a:{number}"}}, times=1)
    with pytest.raises(RegistryUnavailable, match="never end"):
        await site.run()
    assert len(site.asked()) == MAX_EMPTY + 1


async def test_a_full_run_drops_what_the_registry_no_longer_knows(site: Site) -> None:
    await site.run()
    site.clock.advance(60)
    site.app.settings["published"] = many(200)
    assert (await site.run()).servers == 49
    assert len(site.store.kept) == 299
    report = await site.run(full=True)
    assert (report.since, len(site.store.kept)) == (None, 249)
    assert site.told[-1]["total"] == 299


async def test_a_registry_that_shrank_to_nearly_nothing_is_not_believed(site: Site) -> None:
    await site.run()
    site.clock.advance(60)
    fail(site.app, status=200, body={"servers": [registry.published("a.b/c")], "metadata": {}})
    await site.run(full=True)
    assert len(site.store.kept) == 300
    assert site.mark.full_count == 299


async def test_malformed_entries_are_counted_and_left_out(site: Site) -> None:
    fail(site.app, status=200, body={"servers": [{"server": {}}, registry.published("a.b/c")], "metadata": {}})
    report = await site.run()
    assert (report.skipped, report.servers) == (1, 1)


async def test_a_second_run_waits_for_the_first(site: Site) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(site.run)
        tasks.start_soon(site.run)
    assert "waiting for another sync to end" in [row["message"] for row in site.told]
    assert len([query for query in site.asked() if "updated_since" not in query]) == 3


async def test_when_it_was_complete_is_known(site: Site) -> None:
    assert await site.sync.last_complete() is None
    report = await site.run()
    assert await site.sync.last_complete() == report.at == NOW
