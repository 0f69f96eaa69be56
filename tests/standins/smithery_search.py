"""`GET /servers` of the stand-in: filters, order, pages, and 422 for what the documented API refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.standins.listings import HOSTILE, SERVERS, Server

_TRUE, _FALSE = {"1", "true"}, {"0", "false"}
_WHOLE = {"page": (1, 10**9), "pageSize": (1, 100), "topK": (10, 500), "seed": (-(2**53), 2**53)}


class BadQueryError(ValueError):
    """A parameter out of its range: 422."""


def search(query: Mapping[str, str], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Answer one search. Raises BadQueryError."""
    numbers = {name: _whole(query, name, *bounds) for name, bounds in _WHOLE.items()}
    page, size = numbers["page"] or 1, numbers["pageSize"] or 10
    items = [_trimmed(item, query) for item in _matches(query)]
    if settings.get("hostile"):
        items = [*HOSTILE, *items]
    pages = -(-len(items) // size)
    return {
        "servers": items[(page - 1) * size : page * size],
        "pagination": {"currentPage": page, "pageSize": size, "totalPages": pages, "totalCount": len(items)},
    }


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
