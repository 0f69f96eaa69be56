"""The daemon's copying of the official registry: when, how often, and what a failure means."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from gateway.config import Config
from gateway.config.registries import RegistrySection
from gateway.daemon.syncing import FIRST_S, OFF_S, RETRY_S, SPREAD, Syncing
from gateway.discovery.sources import registry_sync
from gateway.store.catalogue import Catalogue
from tests.discovery.support import fail, registry_of
from tests.fakes import FakeClock
from tests.standins import registry
from tests.standins.faults import Controlled
from tests.verbs.fakes import open_shop

HOUR = 3600.0


class Days:
    """A sleep that turns the clock, until it was slept often enough."""

    def __init__(self, clock: FakeClock, naps: int) -> None:
        self._clock = clock
        self._naps = naps
        self.slept: list[float] = []

    async def __call__(self, seconds: float) -> None:
        """Let the time pass at once; at the end, sleep for ever."""
        self.slept.append(seconds)
        if len(self.slept) > self._naps:
            await anyio.sleep_forever()
        self._clock.advance(seconds)


class Site:
    """A daemon's parts, the stand-in, and the task."""

    def __init__(self, syncing: Syncing, app: Controlled, clock: FakeClock, days: Days) -> None:
        self.syncing, self.app, self.clock, self.days = syncing, app, clock, days

    def asked(self) -> int:
        """How many requests came since the last look."""
        count = len(self.app.log)
        self.app.log.clear()
        return count


@asynccontextmanager
async def open_site(folder: Path, *, naps: int = 0, enabled: bool = True, sync: bool = True) -> AsyncIterator[Site]:
    """Open it."""
    config = Config(registry=RegistrySection(enabled=enabled, sync=sync))
    async with open_shop(folder, config=config) as shop:
        app = registry.build()
        sources = [registry_of(app, shop.clock)] if enabled else []
        parts = replace(shop.parts, sync=registry_sync(sources, Catalogue(shop.parts.db), shop.clock))
        days = Days(shop.clock, naps)
        yield Site(Syncing(parts, random.Random(1), sleep=days), app, shop.clock, days)


@pytest.mark.parametrize(("enabled", "sync"), [(True, False), (False, True)])
async def test_nothing_is_copied_where_it_is_switched_off(tmp_path: Path, enabled: bool, sync: bool) -> None:
    async with open_site(tmp_path, enabled=enabled, sync=sync) as site:
        assert await site.syncing.round() == OFF_S
        assert site.asked() == 0


async def test_what_was_copied_lately_is_left_alone(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        assert await site.syncing.round() == HOUR
        assert site.asked() == 1
        site.clock.advance(600)
        assert await site.syncing.round() == HOUR - 600
        assert site.asked() == 0
        site.clock.advance(HOUR)
        await site.syncing.round()
        assert site.asked() == 1


async def test_a_calendar_that_was_set_back_makes_nobody_wait(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        await site.syncing.round()
        site.clock.jump_wall(-10 * HOUR)
        assert await site.syncing.round() == HOUR


async def test_failures_wait_longer_each_time_but_no_longer_than_usual(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        fail(site.app, status=404, body={"error": "no such path"})
        waits = [await site.syncing.round() for _ in range(6)]
        assert waits == [RETRY_S, 2 * RETRY_S, 4 * RETRY_S, 8 * RETRY_S, HOUR, HOUR]
        site.app.faults.clear()
        site.clock.advance(HOUR)  # by then the registry is asked again
        assert await site.syncing.round() == HOUR
        fail(site.app, status=404)
        site.clock.advance(2 * HOUR)
        assert await site.syncing.round() == RETRY_S


async def test_a_registry_that_asks_for_patience_gets_it(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        fail(site.app, status=429, headers={"Retry-After": "7200"})
        assert await site.syncing.round() == HOUR  # but not for longer than the longest patience that we have


async def test_the_first_copy_waits_until_servers_are_up_and_all_waits_are_spread(tmp_path: Path) -> None:
    async with open_site(tmp_path, naps=3) as site:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(site.syncing.run)
            while len(site.days.slept) <= 3:
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        first, *later = site.days.slept
        assert FIRST_S <= first <= FIRST_S * (1 + SPREAD)
        assert all(HOUR <= wait <= HOUR * (1 + SPREAD) for wait in later)
        assert len({first, *later}) == len(site.days.slept)
        assert site.asked() == 3
