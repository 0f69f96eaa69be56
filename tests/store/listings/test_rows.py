"""A listing as a row."""

from __future__ import annotations

import msgspec

from gateway.listing import ListedTool, Listing
from gateway.model import Source
from gateway.store import schema
from gateway.store.listings.rows import fame, moved, read, row_of

ECHO = Listing(
    source=Source.REGISTRY, name="io.github.acme/echo-back", display_name="Echo", description="Says it",
    verified=True, use_count=999, repository="https://github.com/Acme/echo.git", tools=(ListedTool("shoutLoud"),),
    status="deleted",
)  # fmt: skip


def cells(listing: Listing) -> dict[str, object]:
    """A row by its columns."""
    names = [name for name in schema.column_names(schema.LISTINGS) if name != "id"]
    return dict(zip(names, row_of(listing), strict=True))


def test_a_row_tells_what_is_looked_up_sorted_and_filtered_by() -> None:
    row = cells(ECHO)
    assert (row["plain"], row["last"], row["repository"]) == ("acme/echo-back", "echo-back", "github.com/acme/echo")
    assert (row["is_alive"], row["verified"], row["remote"], row["use_count"]) == (0, 1, None, 999)


def test_a_row_holds_the_words_of_name_tools_and_owner() -> None:
    row = cells(ECHO)
    assert row["w_name"] == "echo back echoback"
    assert row["w_tools"] == "shoutloud shout loud"
    assert row["w_owner"] == "acme"


def test_the_body_is_the_whole_listing() -> None:
    body = cells(ECHO)["body"]
    assert isinstance(body, bytes)
    assert read(body) == ECHO


def test_fame_grows_with_use_and_with_the_registrys_word() -> None:
    used = msgspec.structs.replace(ECHO, verified=False)
    unknown = msgspec.structs.replace(used, use_count=None)
    assert 0.0 == fame(unknown) < fame(used) < fame(ECHO) < 1.0
    assert fame(msgspec.structs.replace(ECHO, use_count=10**9)) == 1.0


def test_what_an_older_store_kept_is_moved_and_what_cannot_be_read_is_left() -> None:
    body = msgspec.json.encode(ECHO)
    assert list(moved([b"{}", body])) == [row_of(ECHO)]
