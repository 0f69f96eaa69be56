"""Which of a person's values travels as which header or query parameter of a connection. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from gateway.discovery.connect.values import Status

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", re.ASCII)
_RESERVED = re.compile(r"(?i)authorization|cookie|host|content-.*|cf-.*|smithery-.*|mcp-.*")


@dataclass(frozen=True, slots=True)
class Assigned:
    """Values in their places. `unknown` are keys that nobody asks for, `refused` headers that may not be set."""

    headers: dict[str, str] = field(default_factory=dict, repr=False)
    query: dict[str, str] = field(default_factory=dict, repr=False)
    unknown: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.headers or self.query)


@dataclass(frozen=True, slots=True)
class Slot:
    """One value that can be given: by its `key` (a property of the schema), or by the `name` it travels under."""

    key: str
    where: str  # header | query
    name: str

    def answers_to(self, word: str) -> bool:
        """Whether a person may mean this by `word`."""
        return word == self.key or word.casefold() == self.name.casefold()


def slots(schema: Mapping[str, Any], status: Status) -> tuple[Slot, ...]:
    """Return everything that can be given: what the listing's schema names, then what the connection asks for."""
    properties = schema.get("properties")
    known = properties.items() if isinstance(properties, Mapping) else ()
    found = [Slot(str(key), *_travels(str(key), entry)) for key, entry in known]
    asked = [("header", name) for name in _names(status.headers, status.missing_headers)]
    asked += [("query", name) for name in _names(status.query, status.missing_query)]
    for where, name in asked:
        if not any(slot.where == where and slot.name.casefold() == name.casefold() for slot in found):
            found.append(Slot(name, where, name))
    return tuple(found)


def _names(asked: Iterable[Any], missing: Iterable[str]) -> list[str]:
    return list(dict.fromkeys([*(one.name for one in asked), *missing]))


def _travels(key: str, entry: object) -> tuple[str, str]:
    source = entry.get("x-from") if isinstance(entry, Mapping) else None
    if isinstance(source, Mapping):
        for where in ("header", "query"):
            if isinstance(source.get(where), str):
                return where, source[where]
    return "query", key


def assign(values: Mapping[str, str], places: Iterable[Slot]) -> Assigned:
    """Put each value where it belongs."""
    known = tuple(places)
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    unknown, refused = [], []
    for key, value in values.items():
        slot = next((slot for slot in known if slot.answers_to(key)), None)
        if slot is None:
            unknown.append(key)
        elif slot.where == "query":
            query[slot.name] = value
        elif _is_safe(slot.name, value):
            headers[slot.name] = value
        else:
            refused.append(slot.name)
    return Assigned(headers, query, tuple(unknown), tuple(refused))


def _is_safe(name: str, value: str) -> bool:
    fits = _HEADER.fullmatch(name) is not None and _RESERVED.fullmatch(name) is None
    return fits and all(32 <= ord(char) <= 255 and ord(char) != 127 for char in value)


def key_for(where: str, name: str, places: Iterable[Slot]) -> str:
    """Return the key by which a person gives the header or parameter `name`."""
    return next((s.key for s in places if s.where == where and s.name.casefold() == name.casefold()), name)


def with_query(url: str, query: Mapping[str, str]) -> str:
    """Add parameters to an address, replacing those of the same name."""
    if not query:
        return url
    parts = urlsplit(url)
    kept = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if key not in query]
    return urlunsplit(parts._replace(query=urlencode([*kept, *query.items()])))


def without_query(url: str) -> str:
    """Return an address without its parameters, which may hold somebody's key."""
    return urlunsplit(urlsplit(url)._replace(query="", fragment=""))


def leads_to(url: str | None, qualified_name: str) -> bool:
    """Whether an address is plainly that of the server of this name."""
    path = urlsplit(url or "").path.strip("/").removesuffix("/mcp").replace("@", "")
    return f"/{path}".casefold().endswith(f"/{qualified_name.casefold()}")
