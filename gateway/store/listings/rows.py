"""A listing as a row of `listings`, and the row's SQL. No I/O."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from gateway.listing import Listing
from gateway.store import schema
from gateway.store.listings.wording import indexed, last_part, plain_name, repository_key

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Listing)
_COLUMNS = tuple(name for name in schema.column_names(schema.LISTINGS) if name != "id")
_CHANGING = [name for name in _COLUMNS if name not in {"source", "name"}]
PUT = schema.insert_sql(
    schema.LISTINGS,
    columns=_COLUMNS,
    conflict=f"(source, name) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _CHANGING)}",
)
_MANY_USES = 6.0  # a million uses is as famous as use alone makes
MAX_ABOUT = 1500  # letters of a description that are found by: what a server is about stands at the beginning
MAX_TOOLS = 200


def row_of(listing: Listing) -> tuple[object, ...]:
    """Return the values of `PUT`, in the columns' order."""
    cells: dict[str, object] = {
        "source": listing.source.value,
        "name": listing.name,
        "plain": plain_name(listing.name),
        "last": last_part(listing.name),
        "repository": repository_key(listing.repository),
        "is_alive": int(listing.status != "deleted"),
        "verified": int(listing.verified),
        "remote": None if listing.remote is None else int(listing.remote),
        "use_count": listing.use_count or 0,
        "fame": fame(listing),
        "fetched_at": listing.fetched_at,
        "w_name": indexed(_own_name(listing.name), compounds=True),
        "w_title": indexed(listing.display_name),
        "w_about": indexed(listing.description[:MAX_ABOUT]),
        "w_tools": indexed(" ".join(tool.name for tool in (listing.tools or ())[:MAX_TOOLS])),
        "w_owner": indexed(f"{_owner(listing.name)} {listing.owner or ''}"),
        "body": _ENCODER.encode(listing),
    }
    return tuple(cells[name] for name in _COLUMNS)


def fame(listing: Listing) -> float:
    """Return 0..1: how well known a server is, by its uses and its registry's word."""
    return 0.6 * min(1.0, math.log10(1 + (listing.use_count or 0)) / _MANY_USES) + 0.4 * listing.verified


def read(body: bytes) -> Listing | None:
    """Return a row's listing; None when another version wrote it: as if it had never been seen."""
    try:
        return _DECODER.decode(body)
    except msgspec.DecodeError:
        return None


def moved(bodies: Iterable[bytes]) -> Iterable[tuple[object, ...]]:
    """Return the rows of listings that an older store kept; what cannot be read is left behind."""
    return (row_of(listing) for body in bodies if (listing := read(body)) is not None)


def _own_name(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def _owner(name: str) -> str:
    return plain_name(name).rpartition("/")[0]
