"""Searching the kept listings: words in any script, whatever else stands in a question, names, what is well known."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.listing import ListedTool, Listing, PackageConnection
from gateway.model import Source
from gateway.store.catalogue import AT_ONCE, TOO_MANY, Catalogue
from gateway.store.database import Database
from gateway.store.listings.values import Filter


@pytest.fixture
def catalogue(db: Database) -> Catalogue:
    return Catalogue(db)


def _listing(name: str, source: Source = Source.SMITHERY, **changes: Any) -> Listing:
    return Listing(source=source, name=name, **changes)


async def found(catalogue: Catalogue, query: str, **more: Any) -> list[str]:
    """Names, best first."""
    return [listing.name for listing in await catalogue.find(query, **more)]


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("提供天气预报服务", "天气"),
        ("提供天气预报服务", "天气预报"),
        ("提供天气预报服务", "报"),
        ("天気予報を調べる", "予報"),
        ("날씨를 알려줍니다", "날씨"),
        ("พยากรณ์อากาศ", "อากาศ"),
        ("Прогноз погоды", "прогноз"),
        ("هذا خادم الطقس", "الطقس"),
        ("मौसम की जानकारी", "मौसम"),
        ("Prévisions météo", "meteo"),
    ],
)
async def test_words_are_found_in_every_script(catalogue: Catalogue, text: str, query: str) -> None:
    await catalogue.put_listings([_listing("acme/x", description=text), _listing("acme/y", description="something")])
    assert await found(catalogue, query) == ["acme/x"]


async def test_an_unfinished_word_another_ending_and_a_compound_are_found(catalogue: Catalogue) -> None:
    await catalogue.put_listings([_listing("acme/web-search", description="Queries of databases")])
    for query in ("sear", "database", "query", "websearch", "acme"):
        assert await found(catalogue, query) == ["acme/web-search"], query


async def test_the_name_weighs_more_than_the_text_and_all_words_more_than_some(catalogue: Catalogue) -> None:
    await catalogue.put_listings(
        [
            _listing("a/one", description="A chess board, and the weather on it"),
            _listing("a/weather", description="Forecasts"),
            _listing("a/chess", description="Plays in any weather"),
        ]
    )
    assert (await found(catalogue, "weather"))[0] == "a/weather"
    assert set(await found(catalogue, "chess weather")) == {"a/chess", "a/one", "a/weather"}
    assert (await found(catalogue, "chess weather"))[-1] == "a/weather"


async def test_of_equal_matches_the_best_known_comes_first(catalogue: Catalogue) -> None:
    await catalogue.put_listings(
        [_listing("a/weather", use_count=3), _listing("b/weather", use_count=30_000), _listing("c/weather")]
    )
    assert await found(catalogue, "weather") == ["b/weather", "a/weather", "c/weather"]


@pytest.mark.parametrize(
    "query",
    ['"', "weather*", "NEAR(weather, 3)", "w_name: weather", "^weather", "weather\0", "a" * 5000, "( AND ) OR NOT",
     " ".join(f"word{n}" for n in range(500)), "-weather", "{w_name} : x", "\ud800weather", "%_\\'; DROP TABLE x"],
)  # fmt: skip
async def test_hostile_questions_are_only_words(catalogue: Catalogue, query: str) -> None:
    await catalogue.put_listings([_listing("acme/weather")])
    assert await found(catalogue, query) in ([], ["acme/weather"])


async def test_a_word_that_most_listings_hold_finds_who_is_called_so_first(catalogue: Catalogue) -> None:
    many = [_listing(f"a/x{n}", description="With agents", use_count=n) for n in range(TOO_MANY + 1)]
    await catalogue.put_listings([*many, _listing("b/agents")])
    assert await found(catalogue, "agents", limit=2) == ["b/agents", f"a/x{TOO_MANY}"]


async def test_a_word_that_nobody_holds_does_not_hide_what_a_common_one_finds(catalogue: Catalogue) -> None:
    await catalogue.put_listings([_listing(f"a/x{n}", description="With agents", use_count=n) for n in range(TOO_MANY)])
    assert await found(catalogue, "agents xyzzyq", limit=1) == [f"a/x{TOO_MANY - 1}"]


async def test_filters_hold(catalogue: Catalogue) -> None:
    await catalogue.put_listings(
        [
            _listing("acme/echo", verified=True, remote=True),
            _listing("acme/echo-local", remote=False),
            _listing("io.github.other/echo", Source.REGISTRY),
            _listing("acme/echo-gone", status="deleted"),
        ]
    )
    assert await found(catalogue, "echo", only=Filter(verified=True)) == ["acme/echo"]
    assert set(await found(catalogue, "echo", only=Filter(remote=False))) == {"acme/echo-local", "io.github.other/echo"}
    assert await found(catalogue, "echo", only=Filter(namespace="@Other")) == ["io.github.other/echo"]
    assert set(await found(catalogue, "", only=Filter(("smithery",)))) == {"acme/echo", "acme/echo-local"}


async def test_the_index_follows_every_change_of_a_listing(catalogue: Catalogue) -> None:
    await catalogue.put_listings([_listing("acme/echo", description="shouting")])
    await catalogue.put_listings([_listing("acme/echo", description="whispering")])
    assert await found(catalogue, "shouting") == []
    assert await found(catalogue, "whispering") == ["acme/echo"]
    await catalogue.forget_listings("smithery", ["acme/echo", "acme/never"])
    assert await found(catalogue, "whispering") == []
    assert await catalogue.alike("acme/echo") == []


async def test_the_index_and_the_rows_are_one_transaction(catalogue: Catalogue, db: Database) -> None:
    await catalogue.put_listings([_listing("acme/echo", tools=(ListedTool("shout"),))])
    await db.execute("INSERT INTO listing_words (listing_words, rank) VALUES ('integrity-check', 1)")
    await db.execute("INSERT INTO listing_names (listing_names, rank) VALUES ('integrity-check', 1)")
    assert await db.fetch("SELECT count(*) FROM listing_facts") == [(1,)]
    assert await db.integrity() == []


async def test_a_name_is_looked_up_in_any_spelling_and_by_its_last_part(catalogue: Catalogue) -> None:
    names = ["Acme/Echo", "other/echo", "acme/echo-more"]
    await catalogue.put_listings([_listing(name) for name in names])
    assert [one.name for one in await catalogue.named("@acme/echo")] == ["Acme/Echo"]
    assert [one.name for one in await catalogue.named("ECHO")] == ["Acme/Echo", "other/echo"]
    assert await catalogue.named("") == []


async def test_misspelt_names_find_those_that_share_pieces(catalogue: Catalogue) -> None:
    await catalogue.put_listings([_listing("acme/weather"), _listing("acme/chess")])
    assert await catalogue.alike("acme/weathr") == ["acme/weather"]


async def test_relatives_are_of_other_sources_by_name_or_repository(catalogue: Catalogue) -> None:
    repository = "https://github.com/acme/echo"
    mine = _listing("acme/echo", repository=repository)
    await catalogue.put_listings(
        [
            mine,
            _listing("io.github.acme/echo", Source.REGISTRY),
            _listing("com.acme/other", Source.REGISTRY, repository=repository + ".git"),
            _listing("acme/second", repository=repository),
        ]
    )
    assert [one.name for one in await catalogue.relatives(mine)] == ["com.acme/other", "io.github.acme/echo"]


async def test_the_well_known_are_told_best_known_first_and_again_after_a_change(catalogue: Catalogue) -> None:
    await catalogue.put_listings([_listing("a/a", use_count=5), _listing("b/b", verified=True), _listing("c/c")])
    first = await catalogue.famous()
    assert [one.name for one in first] == ["b/b", "a/a"]
    assert await catalogue.famous() is first
    await catalogue.put_listings([_listing("c/c", use_count=10**6)])
    assert (await catalogue.famous())[0].name == "c/c"


async def test_many_listings_are_kept_at_once_and_twins_in_one_batch_are_joined(catalogue: Catalogue) -> None:
    full = _listing("acme/echo", version="1.0", connections=(PackageConnection("npm", "echo", "1.0"),))
    many = [_listing(f"a/x{n}") for n in range(2 * AT_ONCE)]
    await catalogue.put_listings([full, *many, _listing("acme/echo", use_count=5)])
    kept = await catalogue.get_many([("smithery", "acme/echo"), ("smithery", "a/x1"), ("smithery", "no/such")])
    assert set(kept) == {("smithery", "acme/echo"), ("smithery", "a/x1")}
    assert (kept["smithery", "acme/echo"].use_count, kept["smithery", "acme/echo"].version) == (5, "1.0")


async def test_how_far_a_registry_was_read_is_remembered(catalogue: Catalogue) -> None:
    assert await catalogue.sync_mark("registry") is None
    await catalogue.put_sync_mark("registry", "2026-01-01T00:00:00Z")
    await catalogue.put_sync_mark("registry", "2026-02-01T00:00:00Z")
    assert await catalogue.sync_mark("registry") == "2026-02-01T00:00:00Z"
