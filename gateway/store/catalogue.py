"""What registries said: listings for offline search and show, and raw answers with their ETag."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import anyio
import msgspec

from gateway.listing import Listing
from gateway.store import schema
from gateway.store.database import Database
from gateway.store.listings import questions
from gateway.store.listings.rows import PUT, read, row_of
from gateway.store.listings.values import EVERYTHING, Filter, Known
from gateway.store.listings.wording import last_part, plain_name, repository_key

AT_ONCE = 1000  # listings in one transaction: bounds how long other writers wait behind a full sync
READ_AT_ONCE = 500  # of them read back in one query: SQLite bounds the parameters of a statement
ENOUGH = 12  # listings with all words: fewer are completed by those with some
TOO_MANY = 2000  # listings with a word: it tells nothing apart, and weighing them takes tens of milliseconds
FAMOUS = 1000  # listings that others could pretend to be
_PUT_ANSWER = schema.insert_sql(
    schema.ANSWERS, conflict="(key) DO UPDATE SET body = excluded.body, at = excluded.at, etag = excluded.etag"
)
_PUT_MARK = schema.insert_sql(schema.SYNC_MARKS, conflict="(source) DO UPDATE SET mark = excluded.mark")
_SELECT = "SELECT body FROM listings WHERE "
_FORGET = "DELETE FROM listings WHERE source = ? AND name = ?"
_FORGET_UNSEEN = "DELETE FROM listings WHERE source = ? AND fetched_at < ?"
# Of name, title, about, tools and owner. bm25 is negative, better matches more so; fame at most doubles it.
_BY_WORDS = "bm25(listing_words, 8.0, 5.0, 1.0, 2.0, 3.0) * (1.0 + facts.fame)"
_BY_FAME = "-facts.fame"
_COUNT = "SELECT count(*) FROM (SELECT 1 FROM listing_words WHERE listing_words MATCH ? LIMIT ?)"
_MATCHING = (
    "SELECT listings.body FROM (SELECT facts.id AS id, facts.plain AS plain, {} AS score FROM listing_words"
    " JOIN listing_facts AS facts ON facts.id = listing_words.rowid WHERE listing_words MATCH ? AND {}"
    " ORDER BY score, plain LIMIT ?) AS found JOIN listings ON listings.id = found.id ORDER BY score, found.plain"
)
_LIKE = (
    "SELECT listings.name FROM (SELECT facts.id AS id, bm25(listing_names) * (1.0 + facts.fame) AS score"
    " FROM listing_names JOIN listing_facts AS facts ON facts.id = listing_names.rowid"
    " WHERE listing_names MATCH ? AND facts.is_alive ORDER BY score LIMIT ?) AS found"
    " JOIN listings ON listings.id = found.id ORDER BY score, name"
)
_FAMOUS = (
    "SELECT source, name, use_count, verified, repository, w_title FROM listings"
    " WHERE fame > 0 AND is_alive ORDER BY fame DESC, name LIMIT ?"
)


class Catalogue:
    """Rows of `listings`, `sync_marks` and `answers`."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._merging = anyio.Lock()  # between reading a record and writing what became of it
        self._famous: tuple[Known, ...] | None = None

    async def put_listings(self, listings: Sequence[Listing]) -> None:
        """Keep listings. One that was seen in a search only (no `connections`) does not wipe out a full record."""
        for part in _parts(listings, AT_ONCE):
            async with self._merging:
                kept = await self.get_many([(one.source.value, one.name) for one in part if one.connections is None])
                for one in part:
                    key = (one.source.value, one.name)
                    kept[key] = _merge(kept.get(key), one)
                await self._db.execute_many(PUT, [row_of(one) for one in kept.values()])
                self._famous = None

    async def forget_listings(self, source: str, names: Sequence[str]) -> None:
        """Drop listings that their registry has withdrawn."""
        await self._db.execute_many(_FORGET, [(source, name) for name in names])
        self._famous = None

    async def forget_unseen(self, source: str, since: float) -> None:
        """Drop listings that were not seen since (seconds since the epoch): their registry no longer has them."""
        await self._db.execute(_FORGET_UNSEEN, (source, since))
        self._famous = None

    async def sync_mark(self, source: str) -> str | None:
        """Return how far a registry was read, in the words of whoever put it; None when never."""
        rows = await self._db.fetch("SELECT mark FROM sync_marks WHERE source = ?", (source,))
        return str(rows[0][0]) if rows else None

    async def put_sync_mark(self, source: str, mark: str) -> None:
        """Note how far a registry was read."""
        await self._db.execute(_PUT_MARK, (source, mark))

    async def get(self, source: str, name: str) -> Listing | None:
        """Return the last good record of one listing."""
        rows = await self._db.fetch(_SELECT + "source = ? AND name = ?", (str(source), name))
        return read(rows[0][0]) if rows else None

    async def get_many(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Listing]:
        """Return the last good records by (source, name); those never seen are left out."""
        found: dict[tuple[str, str], Listing] = {}
        for part in _parts(keys, READ_AT_ONCE):
            pairs = ", ".join(["(?, ?)"] * len(part))
            rows = await self._db.fetch(
                f"{_SELECT}(source, name) IN (VALUES {pairs})", [k for key in part for k in key]
            )
            found |= {(one.source.value, one.name): one for one in _read(rows)}
        return found

    async def find(
        self, query: str, *, source: str | None = None, limit: int = 50, only: Filter = EVERYTHING
    ) -> list[Listing]:
        """Search the kept listings: those that hold all words first, then those with some; no words: the best known."""
        only = only if source is None else replace(only, sources=(source,))
        where, params = only.where()
        parts = questions.expressions(query)
        if not parts:
            if query.strip():
                return []  # signs only: nothing is called so
            rows = await self._db.fetch(f"{_SELECT}{where} ORDER BY fame DESC, plain LIMIT ?", [*params, limit])
            return _read(rows)
        telling = await self._telling(parts)
        every, some = questions.all_of(parts), questions.any_of(telling or parts)
        # When no word tells listings apart, their words are not weighed either: who is called so, then the best known.
        attempts = [(every, limit), (some, ENOUGH)] if telling else [(questions.in_name(every), limit), (every, limit)]
        if 0 < len(telling) < len(parts):
            attempts.append((questions.any_of(parts), 1))  # the telling words may be ones that nobody holds
        matching, rows = _MATCHING.format(_BY_WORDS if telling else _BY_FAME, where), []
        for expression, wanted in dict(attempts).items():
            if len(rows) < min(limit, wanted):
                rows += await self._db.fetch(matching, [expression, *params, limit])
        return _read(dict.fromkeys(rows))[:limit]

    async def _telling(self, parts: Sequence[str]) -> list[str]:
        """Return the parts of a question that not too many listings hold."""
        sql = " UNION ALL ".join([_COUNT] * len(parts))
        counts = await self._db.fetch(sql, [value for part in parts for value in (part, TOO_MANY)])
        return [part for part, (count,) in zip(parts, counts, strict=True) if count < TOO_MANY]

    async def named(self, name: str, *, limit: int = 20, only: Filter = EVERYTHING) -> list[Listing]:
        """Return listings of that very name, or whose last part it is; letter case, `@` and hosts do not matter."""
        plain, (where, params) = plain_name(name), only.where()
        asked = f"{_SELECT}{where} AND (plain = ? OR last = ?) ORDER BY plain = ? DESC, fame DESC, name LIMIT ?"
        return _read(await self._db.fetch(asked, [*params, plain, plain, plain, limit])) if plain else []

    async def relatives(self, listing: Listing) -> list[Listing]:
        """Return listings of other sources that may be the same server: by name or by repository."""
        asked = f"{_SELECT}is_alive AND source <> ? AND (plain = ? OR repository = ?) ORDER BY source, name LIMIT 50"
        keys = (listing.source.value, plain_name(listing.name), repository_key(listing.repository))
        return _read(await self._db.fetch(asked, keys))

    async def alike(self, text: str, *, limit: int = 50) -> list[str]:
        """Return names that share pieces with a text, most alike first: for the misspelt."""
        expression = questions.like_name(last_part(text)) or questions.like_name(text)
        rows = await self._db.fetch(_LIKE, (expression, limit)) if expression else []
        return [str(name) for (name,) in rows]

    async def famous(self) -> tuple[Known, ...]:
        """Return the best known listings; the same value as long as nothing was kept or forgotten."""
        if self._famous is None:
            self._famous = tuple(Known(*row) for row in await self._db.fetch(_FAMOUS, (FAMOUS,)))
        return self._famous

    async def put_answer(self, key: str, body: bytes, at: float, etag: str | None) -> None:
        """Keep a registry's raw answer; `at`: seconds since the epoch."""
        await self._db.execute(_PUT_ANSWER, (key, body, at, etag))

    async def answer(self, key: str) -> tuple[bytes, float, str | None] | None:
        """Return (body, at, etag) of the last good answer."""
        rows = await self._db.fetch("SELECT body, at, etag FROM answers WHERE key = ?", (key,))
        return (rows[0][0], rows[0][1], rows[0][2]) if rows else None


def _parts(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for begin in range(0, len(items), size):
        yield items[begin : begin + size]


def _read(rows: Iterable[tuple[Any, ...]]) -> list[Listing]:
    return [listing for (body,) in rows if (listing := read(body)) is not None]


def _merge(old: Listing | None, new: Listing) -> Listing:
    if old is None or old.connections is None or new.connections is not None:
        return new
    # Version and connections belong together: a plan is made from both.
    return msgspec.structs.replace(new, connections=old.connections, tools=new.tools or old.tools, version=old.version)
