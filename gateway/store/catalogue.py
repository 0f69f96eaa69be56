"""What registries said: listings for offline search and show, and raw answers with their ETag."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway.listing import Listing
from gateway.store import schema
from gateway.store.database import Database

CANDIDATES = 2000  # rows that match a word, before ranking: bounds the memory of one search
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Listing)
_PUT = schema.insert_sql(
    schema.LISTINGS,
    conflict="(source, name) DO UPDATE SET words = excluded.words, use_count = excluded.use_count,"
    " fetched_at = excluded.fetched_at, body = excluded.body",
)
_PUT_ANSWER = schema.insert_sql(
    schema.ANSWERS, conflict="(key) DO UPDATE SET body = excluded.body, at = excluded.at, etag = excluded.etag"
)
_SELECT = "SELECT body FROM listings WHERE "


class Catalogue:
    """Rows of `listings` and `answers`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def put_listings(self, listings: Sequence[Listing]) -> None:
        """Keep listings. One that was seen in a search only (no `connections`) does not wipe out a full record."""
        rows = []
        for listing in listings:
            old = await self.get(listing.source, listing.name) if listing.connections is None else None
            kept = _merge(old, listing)
            rows.append(
                (str(kept.source), kept.name, _words(kept), kept.use_count or 0, kept.fetched_at, _ENCODER.encode(kept))
            )
        await self._db.execute_many(_PUT, rows)

    async def get(self, source: str, name: str) -> Listing | None:
        """Return the last good record of one listing."""
        rows = await self._db.fetch(_SELECT + "source = ? AND name = ?", (str(source), name))
        return _decode(rows[0][0]) if rows else None

    async def find(self, query: str, *, source: str | None = None, limit: int = 50) -> list[Listing]:
        """Search the kept listings by words, most matching words first, then most used; no words: the most used."""
        words = list(dict.fromkeys(query.lower().split()))[:16]
        conditions = ["words LIKE ? ESCAPE '\\'"] * len(words)
        where = f"({' OR '.join(conditions)})" if words else "1 = 1"
        params: list[object] = [f"%{_escape(word)}%" for word in words]
        if source is not None:
            where += " AND source = ?"
            params.append(source)
        rows = await self._db.fetch(f"{_SELECT}{where} ORDER BY use_count DESC, name LIMIT {CANDIDATES}", params)
        found = [listing for (body,) in rows if (listing := _decode(body)) is not None]
        found.sort(key=lambda listing: _matches(listing, words), reverse=True)
        return found[:limit]

    async def put_answer(self, key: str, body: bytes, at: float, etag: str | None) -> None:
        """Keep a registry's raw answer; `at`: seconds since the epoch."""
        await self._db.execute(_PUT_ANSWER, (key, body, at, etag))

    async def answer(self, key: str) -> tuple[bytes, float, str | None] | None:
        """Return (body, at, etag) of the last good answer."""
        rows = await self._db.fetch("SELECT body, at, etag FROM answers WHERE key = ?", (key,))
        return (rows[0][0], rows[0][1], rows[0][2]) if rows else None


def _merge(old: Listing | None, new: Listing) -> Listing:
    if old is None or old.connections is None or new.connections is not None:
        return new
    # Version and connections belong together: a plan is made from both.
    return msgspec.structs.replace(new, connections=old.connections, tools=new.tools or old.tools, version=old.version)


def _decode(body: bytes) -> Listing | None:
    try:
        return _DECODER.decode(body)
    except msgspec.DecodeError:
        return None  # written by another version: as if it had never been seen


def _words(listing: Listing) -> str:
    parts = [listing.name, listing.display_name, listing.description]
    parts += [tool.name for tool in listing.tools or ()]
    return " ".join(parts).lower()


def _matches(listing: Listing, words: Sequence[str]) -> tuple[int, int]:
    text, name = _words(listing), f"{listing.name} {listing.display_name}".lower()
    return sum(word in text for word in words), sum(word in name for word in words)


def _escape(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
