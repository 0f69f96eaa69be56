"""Listings and answers, kept for when the registry is away."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.listing import ListedTool, Listing, PackageConnection
from gateway.model import Source
from gateway.store.catalogue import Catalogue
from gateway.store.database import Database


@pytest.fixture
def catalogue(db: Database) -> Catalogue:
    return Catalogue(db)


def _listing(name: str, source: Source = Source.SMITHERY, **changes: Any) -> Listing:
    return Listing(source=source, name=name, **changes)


FULL = _listing(
    "acme/echo", description="old words", version="1.0.0", connections=(PackageConnection("npm", "echo", "1.0.0"),),
    tools=(ListedTool("shout"),),
)  # fmt: skip


async def test_a_listing_comes_back_as_it_was(catalogue: Catalogue) -> None:
    await catalogue.put_listings([FULL])
    assert await catalogue.get("smithery", "acme/echo") == FULL
    assert await catalogue.get("registry", "acme/echo") is None


async def test_a_search_result_does_not_wipe_out_a_full_record(catalogue: Catalogue) -> None:
    await catalogue.put_listings([FULL])
    await catalogue.put_listings([_listing("acme/echo", description="new words", use_count=5, version="2.0.0")])
    kept = await catalogue.get("smithery", "acme/echo")
    assert kept is not None
    assert (kept.description, kept.use_count) == ("new words", 5)
    assert (kept.connections, kept.tools, kept.version) == (FULL.connections, FULL.tools, "1.0.0")


async def test_a_new_full_record_replaces_the_old_one(catalogue: Catalogue) -> None:
    await catalogue.put_listings([FULL])
    newer = _listing("acme/echo", version="2.0.0", connections=())
    await catalogue.put_listings([newer])
    assert await catalogue.get("smithery", "acme/echo") == newer


async def test_words_are_found_in_name_description_and_tools(catalogue: Catalogue) -> None:
    await catalogue.put_listings(
        [
            _listing("acme/web-search", description="Finds pages"),
            _listing("acme/git", description="Reads a repository", tools=(ListedTool("git_search_log"),)),
            _listing("acme/clock", description="Tells the time"),
        ]
    )
    assert [found.name for found in await catalogue.find("SEARCH")] == ["acme/web-search", "acme/git"]
    assert [found.name for found in await catalogue.find("search pages")] == ["acme/web-search", "acme/git"]
    assert [found.name for found in await catalogue.find("weather")] == []


async def test_without_words_the_most_used_come_first(catalogue: Catalogue) -> None:
    await catalogue.put_listings([_listing("a/a", use_count=1), _listing("b/b", use_count=9), _listing("c/c")])
    assert [found.name for found in await catalogue.find("", limit=2)] == ["b/b", "a/a"]


async def test_a_source_may_be_chosen(catalogue: Catalogue) -> None:
    await catalogue.put_listings([_listing("x/one"), _listing("x/two", Source.REGISTRY)])
    assert [found.name for found in await catalogue.find("x", source="registry")] == ["x/two"]


@pytest.mark.parametrize("query", ["%", "_", "\\", "'", "'; DROP TABLE listings; --"])
async def test_signs_of_sql_are_plain_characters(catalogue: Catalogue, query: str) -> None:
    await catalogue.put_listings([_listing("acme/echo")])
    assert await catalogue.find(query) == []


async def test_a_row_of_another_version_is_as_if_never_seen(catalogue: Catalogue, db: Database) -> None:
    await catalogue.put_listings([_listing("acme/echo")])
    await db.execute("UPDATE listings SET body = ?", (b'{"source": 5}',))
    assert await catalogue.get("smithery", "acme/echo") is None
    assert await catalogue.find("echo") == []


async def test_an_answer_comes_back_with_its_age_and_tag(catalogue: Catalogue) -> None:
    await catalogue.put_answer("GET /servers", b"\x00old", 1.0, None)
    await catalogue.put_answer("GET /servers", b"\x00new", 2.5, '"etag"')
    assert await catalogue.answer("GET /servers") == (b"\x00new", 2.5, '"etag"')
    assert await catalogue.answer("GET /nothing") is None


async def test_what_was_not_seen_since_is_dropped_with_its_words(catalogue: Catalogue) -> None:
    old = [_listing("a/old", source, fetched_at=5.0) for source in (Source.REGISTRY, Source.SMITHERY)]
    await catalogue.put_listings([*old, _listing("a/new", Source.REGISTRY, fetched_at=10.0)])
    await catalogue.forget_unseen("registry", 10.0)
    assert [(one.source, one.name) for one in await catalogue.find("old")] == [(Source.SMITHERY, "a/old")]
    assert await catalogue.get("registry", "a/old") is None
    assert await catalogue.get("registry", "a/new") is not None
