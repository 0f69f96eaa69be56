"""A search with filters that only one registry has."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl

from gateway.discovery.finder import SearchResult
from gateway.discovery.parsing.smithery_query import read_filters
from gateway.errors import UsageError
from gateway.listing import Listing
from gateway.model import Source
from gateway.verbs.parts import Parts

_FORM = "Write them as NAME=VALUE, such as repoOwner=acme."


async def filtered(
    parts: Parts,
    query: str,
    filters: str,
    *,
    source: str | None,
    limit: int,
    common: dict[str, bool | str | None],
    offline: bool,
    why_not: Callable[[Listing], str | None],
) -> SearchResult:
    """Ask Smithery alone. `filters` is spelled like a query string; `common` are filters that every source has.

    Raises: UsageError for filters that cannot be, or where Smithery cannot be asked.
    """
    if offline or source not in {None, Source.SMITHERY.value}:
        raise UsageError("filters are Smithery's own, and it must be asked", fix="Leave --offline and --source out.")
    try:
        given = dict(parse_qsl(filters, keep_blank_values=True, strict_parsing=True))
    except ValueError as exc:
        raise UsageError(f"{filters[:60]!a} are no filters", fix=_FORM) from exc
    shared = {name: str(value) for name, value in common.items() if value is not None}
    shared = {name: {"True": "true", "False": "false"}.get(text, text) for name, text in shared.items()}
    return await parts.finder.filtered(query, read_filters(given | shared), limit=limit, why_not=why_not)
