"""`GET /servers` of the stand-in: filters, order, pages, and 422 for what the documented API refuses.

Settings: `hostile` puts malformed entries first; `unstable` shuffles each answer to a question without seed; `totals`
makes the counts lie: "large", "small", "zero", "null", "missing"; `paging`: "repeat" answers page 1 for ever, "endless"
makes up entries beyond the end, "capped" never gives more than 5 a page and says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from tests.standins.listings import HOSTILE, SERVERS, Server

_TRUE, _FALSE = {"1", "true"}, {"0", "false"}
_SHUFFLED = Random(5)
_WHOLE = {"page": (1, 10**9), "pageSize": (1, 100), "topK": (10, 500), "seed": (-(2**53), 2**53)}


class BadQueryError(ValueError):
    """A parameter out of its range: 422."""


def search(query: Mapping[str, str], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Answer one search. Raises BadQueryError."""
    numbers = {name: _whole(query, name, *bounds) for name, bounds in _WHOLE.items()}
    page, size = numbers["page"] or 1, numbers["pageSize"] or 10
    items = [_trimmed(item, query) for item in _matches(query)]
    if query.get("q") and numbers["topK"] is not None:
        items = items[: numbers["topK"]]
    if settings.get("unstable") and numbers["seed"] is None:
        _SHUFFLED.shuffle(items)
    if settings.get("hostile"):
        items = [*HOSTILE, *items]
    return _page(items, page, size, settings)


def _page(items: list[Any], page: int, size: int, settings: Mapping[str, Any]) -> dict[str, Any]:
    paging = settings.get("paging")
    if paging == "capped":
        size = min(size, 5)
    start = 0 if paging == "repeat" else (page - 1) * size
    servers = items[start : start + size]
    if paging == "endless" and len(servers) < size:
        servers = [*servers, *({"qualifiedName": f"made/up-{page}-{row}"} for row in range(size - len(servers)))]
    pages = -(-len(items) // size)
    counts = {"currentPage": page, "pageSize": size, "totalPages": pages, "totalCount": len(items)}
    return {"servers": servers, "pagination": _lied(counts, settings.get("totals"))}


def _lied(counts: dict[str, Any], how: str | None) -> dict[str, Any]:
    told: dict[str, Any] = {"large": 1000, "small": 1, "zero": 0, "null": None}
    if how == "missing":
        return {key: counts[key] for key in ("currentPage", "pageSize")}
    if how in told:
        return {**counts, "totalPages": told[how], "totalCount": told[how]}
    return counts


def _matches(query: Mapping[str, str]) -> list[dict[str, Any]]:
    words = query.get("q", "").lower().split()
    scored = [(_hits(server, words), server) for server in SERVERS.values() if server.listed and _passes(server, query)]
    chosen = [(hits, server) for hits, server in scored if hits or not words]
    chosen.sort(key=lambda row: (-row[0], -row[1].uses, row[1].name))
    return [{**server.item(), "score": hits / 60 if words else None} for hits, server in chosen]


def _hits(server: Server, words: list[str]) -> int:
    text = f"{server.name} {server.title} {server.description}".lower()
    return sum(word in text for word in words)


def _passes(server: Server, query: Mapping[str, str]) -> bool:
    item = server.item()
    flags = {"verified": "verified", "remote": "remote", "isDeployed": "isDeployed", "smitheryManaged": "bySmithery"}
    texts = {"namespace": "namespace", "qualifiedName": "qualifiedName", "ownerId": "owner"}
    same = all(wanted is None or item[key] is wanted for name, key in flags.items() for wanted in [_flag(query, name)])
    equal = all(item[key] == query[name] for name, key in texts.items() if name in query)
    owner, _, repository = server.repository.partition("/")
    equal = equal and query.get("repoOwner", owner) == owner and query.get("repoName", repository) == repository
    return same and equal and ("ids" not in query or item["id"] in query["ids"].split(","))


def _trimmed(item: dict[str, Any], query: Mapping[str, str]) -> dict[str, Any]:
    wanted = query.get("fields", "")
    return {key: item[key] for key in wanted.split(",") if key in item} if wanted else item


def _whole(query: Mapping[str, str], name: str, low: int, high: int) -> int | None:
    if name not in query:
        return None
    text = query[name]
    if not text.lstrip("-").isascii() or not text.lstrip("-").isdigit() or not low <= int(text) <= high:
        raise BadQueryError(f"{name} must be a whole number from {low} to {high}")
    return int(text)


def _flag(query: Mapping[str, str], name: str) -> bool | None:
    text = query.get(name)
    if text is None:
        return None
    if text not in _TRUE | _FALSE:
        raise BadQueryError(f"{name} must be 0, 1, true or false")
    return text in _TRUE
