"""What discovery remembers, with the real store beneath."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.discovery.memory import Memory
from gateway.discovery.ports import Wanted
from gateway.errors import StoreUnavailable
from gateway.listing import Listing, PackageConnection
from gateway.model import Source
from gateway.store.catalogue import Catalogue
from gateway.store.database import Database
from tests.discovery.support import listing
from tests.fakes import FakeClock

FULL = listing("acme/echo", connections=(PackageConnection("npm", "echo", "1.0"),), version="1.0")


@pytest.fixture
async def catalogue(tmp_path: Path) -> AsyncIterator[Catalogue]:
    """The real store in a file of its own."""
    database = await Database.open(f"sqlite:///{tmp_path}/store.db")
    try:
        yield Catalogue(database)
    finally:
        await database.close()


@pytest.fixture
def memory(catalogue: Catalogue, clock: FakeClock) -> Memory:
    """It."""
    return Memory(catalogue, clock)


async def test_what_is_kept_has_the_exact_match_first_and_known_details(memory: Memory) -> None:
    await memory.remember([FULL])
    kept = await memory.keep([listing("acme/echo", use_count=9), listing("acme/other")], [listing("acme/other")])
    assert [one.name for one in kept] == ["acme/other", "acme/echo"]
    assert (kept[1].use_count, kept[1].connections) == (9, FULL.connections)


async def test_what_is_called_so_is_recalled_before_what_is_about_it(memory: Memory) -> None:
    about = listing("a/z", display_name="echo echo", description="echo", use_count=10**6, verified=True)
    await memory.remember([about, listing("acme/echo"), listing("b/echo", Source.REGISTRY)])
    assert [one.name for one in await memory.recall(Wanted("echo"), ["smithery"])] == ["acme/echo", "a/z"]


async def test_a_store_that_cannot_be_written_costs_no_answer(clock: FakeClock, catalogue: Catalogue) -> None:
    class Full(Catalogue):
        async def put_listings(self, listings: object) -> None:
            raise StoreUnavailable("the disk is full")

        def __init__(self) -> None:
            self.__dict__.update(catalogue.__dict__)

    assert await Memory(Full(), clock).keep([FULL], []) == [FULL]


async def test_the_family_of_a_listing_is_the_same_server_elsewhere(memory: Memory) -> None:
    elsewhere = listing("io.github.acme/echo", Source.REGISTRY)
    other = listing("io.github.acme/echo", Source.STARTER, repository="https://github.com/somebody/else")
    mine = listing("acme/echo", repository="https://github.com/acme/echo")
    await memory.remember([mine, elsewhere, other])
    assert await memory.family(mine) == (mine, elsewhere)


async def test_the_crowd_is_looked_at_again_only_when_somebodys_standing_changed(memory: Memory) -> None:
    await memory.remember([listing("acme/weather", use_count=100_000)])
    first = await memory.crowd()
    assert first.warnings(listing("acne/weather"))
    await memory.remember([listing("acme/weather", use_count=100_001)])
    assert await memory.crowd() is first
    await memory.remember([listing("acme/weather", use_count=10)])
    assert (await memory.crowd()).warnings(listing("acne/weather")) == ()


async def test_the_nearest_names_are_remembered_ones_and_those_at_hand(memory: Memory) -> None:
    await memory.remember([listing("acme/weather"), listing("acme/chess")])
    assert await memory.nearest("wether", ["time"]) == ["acme/weather"]
    assert await memory.nearest("tme", ["time"]) == ["time"]
    assert await memory.nearest("qqqqqq", ["time"]) == []


def test_the_age_is_that_of_the_oldest(memory: Memory, clock: FakeClock) -> None:
    ages: list[Listing] = [listing("a/a", fetched_at=clock.wall() - age_s) for age_s in (5.0, 60.0)]
    assert memory.age_s(ages) == 60.0
    assert memory.age_s([]) is None
