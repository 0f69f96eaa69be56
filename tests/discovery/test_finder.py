"""Finding in all sources at once, with the real store beneath; also when sources are gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from gateway.discovery.finder import Finder, SearchResult, lookalike_warnings
from gateway.discovery.ports import Found, ListingSource, Wanted
from gateway.discovery.sources import FixedSource
from gateway.errors import NotFound, RegistryUnauthorized, RegistryUnavailable, UsageError
from gateway.listing import BundleConnection, RemoteConnection
from gateway.model import Source
from gateway.store.catalogue import Catalogue
from gateway.store.database import Database
from gateway.store.listings.values import Track
from tests.discovery.support import ScriptedSource, fail, listing, paths, registry_of, smithery_of
from tests.fakes import FakeClock
from tests.standins import registry, smithery
from tests.standins.faults import Controlled

DOWN = RegistryUnavailable("Smithery is not reachable (ConnectError)", fix="wait")
UNAUTHORIZED = RegistryUnauthorized("Smithery answered 401 Unauthorized", fix="set a key")


@pytest.fixture
async def catalogue(tmp_path: Path) -> AsyncIterator[Catalogue]:
    """The real store in a file of its own."""
    database = await Database.open(f"sqlite:///{tmp_path}/store.db")
    try:
        yield Catalogue(database)
    finally:
        await database.close()


@pytest.fixture
def app() -> Controlled:
    """A stand-in Smithery without sockets."""
    return smithery.build()


def finder_of(app: Controlled, catalogue: Catalogue, clock: FakeClock, **access: Any) -> Finder:
    """Smithery and the official registry, both stand-ins."""
    sources: list[ListingSource] = [
        smithery_of(app, clock, answers=catalogue, **access),
        registry_of(registry.build(), clock, answers=catalogue, base_url="http://official.test"),
    ]
    return Finder(sources, catalogue, clock)


def names(result: SearchResult) -> list[str]:
    """Names found, best first."""
    return [item.listing.name for item in result.items]


def states(result: SearchResult) -> dict[str, str]:
    """State by source."""
    return {source.name: source.state for source in result.sources}


async def test_all_sources_are_searched_and_merged(app: Controlled, catalogue: Catalogue, clock: FakeClock) -> None:
    result = await finder_of(app, catalogue, clock).search("weather")
    assert names(result)[0] == "acme/weather-http"
    assert {item.listing.source for item in result.items} == {Source.SMITHERY, Source.REGISTRY}
    assert [(source.state, source.age_s, source.message) for source in result.sources] == [("ok", 0.0, "")] * 2


async def test_one_source_can_be_asked_alone(app: Controlled, catalogue: Catalogue, clock: FakeClock) -> None:
    result = await finder_of(app, catalogue, clock).search("weather", source="registry")
    assert states(result) == {"registry": "ok"}
    assert app.log == []


async def test_sources_are_asked_at_the_same_time(catalogue: Catalogue, clock: FakeClock) -> None:
    arrived = [anyio.Event(), anyio.Event()]

    class Waiting(ScriptedSource):
        async def search(self, wanted: Wanted) -> Found:
            mine = int(self.name)
            arrived[mine].set()
            await arrived[1 - mine].wait()
            return Found(())

    sources = [Waiting(str(n), search=Found(()), get=NotFound("no")) for n in range(2)]
    with anyio.fail_after(5):
        result = await Finder(sources, catalogue, clock).search("x")
    assert states(result) == {"0": "ok", "1": "ok"}


async def test_the_limit_is_kept(app: Controlled, catalogue: Catalogue, clock: FakeClock) -> None:
    assert len((await finder_of(app, catalogue, clock).search("", limit=3)).items) == 3


@pytest.mark.parametrize("limit", [0, -1, 501])
async def test_an_impossible_limit_is_refused(catalogue: Catalogue, clock: FakeClock, limit: int) -> None:
    with pytest.raises(UsageError):
        await Finder([], catalogue, clock).search("x", limit=limit)


async def test_an_unknown_source_is_refused_with_the_known_ones(
    app: Controlled, catalogue: Catalogue, clock: FakeClock
) -> None:
    with pytest.raises(UsageError) as caught:
        await finder_of(app, catalogue, clock).search("x", source="npm")
    assert caught.value.fix == "Sources that are on: smithery, registry."


async def test_filters_hold_for_every_source(app: Controlled, catalogue: Catalogue, clock: FakeClock) -> None:
    result = await finder_of(app, catalogue, clock).search("weather", verified=True, remote=True)
    assert names(result) == ["acme/weather-http"]
    result = await finder_of(app, catalogue, clock).search("weather", namespace="acne")
    assert names(result) == ["acne/weather-http"]


async def test_a_name_that_the_search_misses_is_looked_up_beside_it(
    app: Controlled, catalogue: Catalogue, clock: FakeClock
) -> None:
    assert names(await finder_of(app, catalogue, clock).search("acme/unlisted"))[0] == "acme/unlisted"


async def test_a_search_does_not_wait_long_for_the_exact_name(catalogue: Catalogue, clock: FakeClock) -> None:
    class Silent(ScriptedSource):
        async def get(self, name: str) -> Found:
            await anyio.sleep_forever()
            raise AssertionError("it never answers")

    source = Silent("smithery", search=Found((listing("a/b"),)), get=NotFound("no"))
    with anyio.fail_after(10):
        assert names(await Finder([source], catalogue, clock, name_patience_s=0.05).search("b")) == ["a/b"]


async def test_the_exact_server_comes_first_with_claims_and_connections(
    app: Controlled, catalogue: Catalogue, clock: FakeClock
) -> None:
    first = (await finder_of(app, catalogue, clock).search("acme/echo-bundle")).items[0]
    assert (first.listing.name, first.listing.verified, first.listing.use_count) == ("acme/echo-bundle", True, 812)
    assert first.listing.connections
    assert "exactly the name asked for" in first.why


async def test_a_repeated_search_while_the_registry_is_down_gives_old_answers_and_their_age(
    app: Controlled, catalogue: Catalogue, clock: FakeClock
) -> None:
    asking = finder_of(app, catalogue, clock)
    fresh = await asking.search("weather")
    fail(app, status=503)
    clock.advance(3600)
    old = await asking.search("weather")
    assert names(old) == names(fresh)
    state = old.sources[0]
    assert state.state == "stale"
    assert state.age_s is not None
    assert state.age_s >= 3600
    assert "503" in state.message


async def test_a_new_search_while_the_registry_is_down_looks_into_what_is_remembered(
    app: Controlled, catalogue: Catalogue, clock: FakeClock
) -> None:
    asking = finder_of(app, catalogue, clock)
    await asking.search("", limit=100)
    fail(app, status=503)
    result = await asking.search("chess")
    assert names(result)[0] == "widgets/chess"
    assert states(result) == {"smithery": "stale", "registry": "ok"}
    restarted = finder_of(app, catalogue, clock)
    assert names(await restarted.search("chess"))[0] == "widgets/chess"


async def test_a_search_with_every_source_down_and_nothing_remembered_is_empty_and_says_why(
    catalogue: Catalogue, clock: FakeClock
) -> None:
    result = await Finder([ScriptedSource("smithery", search=DOWN, get=DOWN)], catalogue, clock).search("x")
    assert result.items == ()
    (state,) = result.sources
    assert (state.state, state.age_s, state.message) == ("down", None, "Smithery is not reachable (ConnectError). wait")


async def test_without_a_key_the_refusal_is_one_line_and_the_others_go_on(
    app: Controlled, catalogue: Catalogue, clock: FakeClock
) -> None:
    asking = finder_of(app, catalogue, clock, api_key="")
    for _ in range(3):
        result = await asking.search("weather")
        assert states(result) == {"smithery": "unauthorized", "registry": "ok"}
        assert result.sources[0].message == "Smithery answered 401 Unauthorized: Invalid or missing API key. set a key"
        assert names(result)
    assert len(app.log) == 1


async def test_a_refused_key_is_said_even_when_old_answers_serve(catalogue: Catalogue, clock: FakeClock) -> None:
    await catalogue.put_listings([listing("acme/weather")])
    source = ScriptedSource("smithery", search=UNAUTHORIZED, get=UNAUTHORIZED)
    result = await Finder([source], catalogue, clock).search("weather")
    assert (names(result), states(result)) == (["acme/weather"], {"smithery": "unauthorized"})


async def test_a_search_does_not_forget_what_was_known_in_full(
    app: Controlled, catalogue: Catalogue, clock: FakeClock
) -> None:
    asking = finder_of(app, catalogue, clock)
    await asking.show("acme/echo-bundle")
    (item, *_) = (await asking.search("says everything back")).items
    assert item.listing.connections
    remembered = await catalogue.get("smithery", "acme/echo-bundle")
    assert remembered is not None
    assert remembered.connections


async def test_malformed_entries_do_not_spoil_a_search(app: Controlled, catalogue: Catalogue, clock: FakeClock) -> None:
    app.settings["hostile"] = True
    assert names(await finder_of(app, catalogue, clock).search("weather"))[0] == "acme/weather-http"


async def test_a_server_is_shown_in_full_with_its_claims(
    app: Controlled, catalogue: Catalogue, clock: FakeClock
) -> None:
    shown, states_ = await finder_of(app, catalogue, clock).show("acme/echo-bundle")
    assert shown.connections is not None
    assert isinstance(shown.connections[0], BundleConnection)
    assert (shown.verified, shown.use_count, shown.scan_passed) == (True, 812, True)
    assert [(state.name, state.state) for state in states_] == [("smithery", "ok"), ("registry", "ok")]


async def test_a_name_of_the_other_registry_is_found_there(
    app: Controlled, catalogue: Catalogue, clock: FakeClock
) -> None:
    shown, _ = await finder_of(app, catalogue, clock).show("example.acme/weather")
    assert shown.source == Source.REGISTRY
    assert shown.connections is not None
    assert isinstance(shown.connections[0], RemoteConnection)


async def test_a_remembered_copy_is_shown_when_the_registry_is_down(
    app: Controlled, catalogue: Catalogue, clock: FakeClock
) -> None:
    await finder_of(app, catalogue, clock).show("acme/echo-bundle")
    gone = ScriptedSource("smithery", search=DOWN, get=DOWN)
    clock.advance(60)
    shown, (state,) = await Finder([gone], catalogue, clock).show("@acme/echo-bundle")
    assert shown.connections
    assert (state.state, state.age_s) == ("stale", 60.0)


async def test_an_unknown_name_names_the_nearest(app: Controlled, catalogue: Catalogue, clock: FakeClock) -> None:
    asking = finder_of(app, catalogue, clock)
    await asking.search("", limit=100)
    with pytest.raises(NotFound) as caught:
        await asking.show("acme/weather-htp")
    assert "acme/weather-http" in caught.value.fix


async def test_an_unreachable_and_unremembered_name_says_who_could_not_be_asked(
    catalogue: Catalogue, clock: FakeClock
) -> None:
    source = ScriptedSource("smithery", search=DOWN, get=DOWN)
    with pytest.raises(RegistryUnavailable, match="not remembered here, and: Smithery is not reachable"):
        await Finder([source], catalogue, clock).show("acme/x")


async def test_one_dead_source_is_mentioned_when_the_other_does_not_know_the_name(
    catalogue: Catalogue, clock: FakeClock
) -> None:
    sources = [
        ScriptedSource("smithery", search=DOWN, get=DOWN),
        ScriptedSource("registry", search=Found(()), get=NotFound("no")),
    ]
    with pytest.raises(NotFound, match="Smithery is not reachable"):
        await Finder(sources, catalogue, clock).show("acme/x")


async def test_an_impossible_name_reaches_nobody(app: Controlled, catalogue: Catalogue, clock: FakeClock) -> None:
    with pytest.raises(UsageError):
        await finder_of(app, catalogue, clock).show("../../tokens")
    assert paths(app) == []


async def test_a_search_text_of_any_kind_is_harmless(app: Controlled, catalogue: Catalogue, clock: FakeClock) -> None:
    result = await finder_of(app, catalogue, clock).search("we\x00ather\u202e " + "x" * 3000)
    assert states(result) == {"smithery": "ok", "registry": "ok"}


async def test_offline_nobody_is_asked_and_the_answer_says_how_old_it_is(
    app: Controlled, catalogue: Catalogue, clock: FakeClock
) -> None:
    asking = finder_of(app, catalogue, clock)
    await asking.search("weather")
    before = len(app.log)
    clock.advance(60)
    result = await asking.search("weather", offline=True)
    assert len(app.log) == before
    assert names(result)[0] == "acme/weather-http"
    assert states(result) == {"smithery": "stale", "registry": "stale"}
    assert {source.age_s for source in result.sources} == {60.0}
    assert all("not asked" in source.message for source in result.sources)


async def test_offline_with_nothing_remembered_is_empty(catalogue: Catalogue, clock: FakeClock) -> None:
    source = ScriptedSource("smithery", search=Found((listing("a/x"),)), get=NotFound("no"))
    result = await Finder([source], catalogue, clock).search("x", offline=True)
    assert (result.items, source.asked, states(result)) == ((), [], {"smithery": "down"})


async def test_listings_at_hand_are_found_offline_too(catalogue: Catalogue, clock: FakeClock) -> None:
    starter = FixedSource("starter", [listing("time", Source.STARTER)])
    result = await Finder([starter], catalogue, clock).search("time", offline=True)
    assert (names(result), states(result)) == (["time"], {"starter": "ok"})


async def test_what_a_registrys_own_search_misses_comes_from_the_store(catalogue: Catalogue, clock: FakeClock) -> None:
    await catalogue.put_listings([listing("acme/weather"), listing("acme/chess")])
    source = ScriptedSource("smithery", search=Found(()), get=UsageError("no name"))
    result = await Finder([source], catalogue, clock).search("weather")
    assert (names(result), states(result)) == (["acme/weather"], {"smithery": "ok"})


async def test_a_remembered_name_that_its_registry_no_longer_knows_is_left_out(
    catalogue: Catalogue, clock: FakeClock
) -> None:
    await catalogue.put_listings([listing("acme/weather"), listing("acme/weather-2")])
    source = ScriptedSource("smithery", search=Found(()), get=NotFound("no"))
    assert names(await Finder([source], catalogue, clock).search("@acme/weather")) == ["acme/weather-2"]


async def test_a_slow_registry_is_not_waited_for_when_the_store_has_an_answer(
    catalogue: Catalogue, clock: FakeClock
) -> None:
    class Hanging(ScriptedSource):
        async def search(self, wanted: Wanted) -> Found:
            await anyio.sleep_forever()
            raise AssertionError("it never answers")

    await catalogue.put_listings([listing("acme/weather")])
    source = Hanging("smithery", search=DOWN, get=DOWN)
    with anyio.fail_after(10):
        result = await Finder([source], catalogue, clock, store_patience_s=0.05).search("weather")
    assert (names(result), states(result)) == (["acme/weather"], {"smithery": "stale"})
    assert result.sources[0].message == "no answer within 0.05 s"


async def test_nothing_found_comes_with_the_nearest_names(catalogue: Catalogue, clock: FakeClock) -> None:
    await catalogue.put_listings([listing("acme/weather")])
    starter = FixedSource("starter", [listing("time", Source.STARTER)])
    source = ScriptedSource("smithery", search=DOWN, get=DOWN)
    finder = Finder([starter, source], catalogue, clock)
    assert (await finder.search("weathr-")).nearest == ("acme/weather",)
    assert (await finder.search("tiem")).nearest == ("time",)
    assert (await finder.search("weather")).nearest == ()


async def test_a_lookalike_is_found_with_a_warning_below_whom_it_imitates(
    catalogue: Catalogue, clock: FakeClock
) -> None:
    found = Found((listing("acne/weather"), listing("acme/weather", use_count=50_000)))
    finder = Finder([ScriptedSource("smithery", search=found, get=NotFound("no"))], catalogue, clock)
    first, second = (await finder.search("weather")).items
    assert (first.listing.name, first.warnings) == ("acme/weather", ())
    assert "acme/weather" in second.warnings[0]
    assert await finder.lookalike_warnings(second.listing) == second.warnings
    assert await lookalike_warnings(second.listing, catalogue) == second.warnings


async def test_what_happened_here_is_among_the_reasons(catalogue: Catalogue, clock: FakeClock) -> None:
    class Known:
        async def tracks(self) -> dict[str, Track]:
            return {"smithery:acme/weather": Track(starts_failed=2)}

    source = ScriptedSource("smithery", search=Found((listing("acme/weather"),)), get=NotFound("no"))
    (item,) = (await Finder([source], catalogue, clock, experience=Known()).search("weather")).items
    assert "2 of its 2 starts here failed or broke off" in item.why


async def test_the_same_server_of_two_sources_is_one_item_with_both_origins(
    catalogue: Catalogue, clock: FakeClock
) -> None:
    await catalogue.put_listings([listing("io.github.acme/weather", Source.REGISTRY)])
    sources = [
        ScriptedSource("smithery", search=Found((listing("acme/weather"),)), get=NotFound("no")),
        ScriptedSource("registry", search=DOWN, get=DOWN),
    ]
    finder = Finder(sources, catalogue, clock)
    (item,) = (await finder.search("weather")).items
    assert item.sources == ("smithery", "registry")
    assert [one.name for one in await finder.family(item.listing)] == ["acme/weather", "io.github.acme/weather"]
