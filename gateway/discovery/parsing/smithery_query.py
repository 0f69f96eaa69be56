"""A search as the parameters of Smithery's `GET /servers`: every filter that its documented API has. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.discovery.parsing.fields import clean_text
from gateway.discovery.parsing.smithery_shape import ITEM
from gateway.errors import UsageError

MAX_PAGE_SIZE = 100
FEWEST = 20  # merging and ranking need more to choose from than a short list shows
MIN_CANDIDATES, MAX_CANDIDATES = 10, 500
SEED = 1  # any number: the same one every time makes pages fit together, and kept answers be found again
MAX_IDS = 100
_ID = re.compile(r"[0-9a-fA-F-]{8,64}")
_WORD = re.compile(r"[A-Za-z0-9_.@/-]{1,200}")
_FLAGS = {"0": False, "1": True, "false": False, "true": True}


@dataclass(frozen=True, slots=True)
class Filters:
    """Beside the words of a search; None, "" and () mean: either.

    `qualified_name` is deprecated by the registry (a look-up by name is the way). `fields` asks for less of each entry.
    """

    ids: tuple[str, ...] = ()
    qualified_name: str = ""
    namespace: str = ""
    remote: bool | None = None
    is_deployed: bool | None = None
    verified: bool | None = None
    smithery_managed: bool | None = None
    owner_id: str = ""
    repo_owner: str = ""
    repo_name: str = ""
    fields: tuple[str, ...] = ()
    top_k: int | None = None
    seed: int | None = None


_TEXTS = {"qualifiedName": "qualified_name", "namespace": "namespace", "ownerId": "owner_id",
          "repoOwner": "repo_owner", "repoName": "repo_name"}  # fmt: skip
_SWITCHES = {"remote": "remote", "isDeployed": "is_deployed", "verified": "verified",
             "smitheryManaged": "smithery_managed"}  # fmt: skip
_NUMBERS = {"topK": ("top_k", MIN_CANDIDATES, MAX_CANDIDATES), "seed": ("seed", -(2**53), 2**53)}
NAMES = (*_TEXTS, *_SWITCHES, *_NUMBERS, "ids", "fields")


def read_filters(given: Mapping[str, str]) -> Filters:
    """Read filters under the names that the registry gives them.

    Raises: UsageError for an unknown name, or a value that the registry would refuse.
    """
    values: dict[str, object] = {}
    for name, text in given.items():
        if name in _TEXTS:
            values[_TEXTS[name]] = text
        elif name in _SWITCHES:
            values[_SWITCHES[name]] = _switch(name, text)
        elif name in _NUMBERS:
            values[_NUMBERS[name][0]] = _number(name, text)
        elif name in {"ids", "fields"}:
            values[name] = tuple(part.strip() for part in text.split(",") if part.strip())
        else:
            raise UsageError(f"Smithery has no filter {name[:60]!a}", fix=f"Filters are {', '.join(sorted(NAMES))}.")
    filters = Filters(**values)  # type: ignore[arg-type]
    question("", filters, limit=1)  # so that a bad value is told now, by its name
    return filters


def question(query: str, filters: Filters, *, limit: int) -> dict[str, str]:
    """Return the parameters of a search, without the page's number.

    More than one page needs a `seed`, so that the pages belong to one order, and for words enough candidates.

    Raises: UsageError for a value that the registry would refuse.
    """
    size = min(max(limit, FEWEST), MAX_PAGE_SIZE)
    params = {"pageSize": str(size)}
    if words := clean_text(query):
        params["q"] = words
    for name, attribute in _SWITCHES.items():
        if (value := getattr(filters, attribute)) is not None:
            params[name] = str(value).lower()
    for name, attribute in _TEXTS.items():
        if text := getattr(filters, attribute):
            params[name] = _word(name, text.removeprefix("@"))
    if filters.ids:
        params["ids"] = _ids(filters.ids)
    if filters.fields:
        params["fields"] = ",".join(_known_fields(filters.fields))
    is_deep = limit > size
    candidates = filters.top_k if filters.top_k is not None else _candidates(limit) if is_deep and words else None
    seed = filters.seed if filters.seed is not None else SEED if is_deep else None
    numbers = {"topK": candidates, "seed": seed}
    return params | {name: str(_within(name, value)) for name, value in numbers.items() if value is not None}


def _candidates(limit: int) -> int:
    return min(max(limit, MIN_CANDIDATES), MAX_CANDIDATES)


def _within(name: str, value: int) -> int:
    _, low, high = _NUMBERS[name]
    if not low <= value <= high:
        raise UsageError(f"{name} must be from {low} to {high}", fix="Give another number.")
    return value


def _word(name: str, text: str) -> str:
    if _WORD.fullmatch(text) is None:
        raise UsageError(f"{name} cannot be {text[:60]!a}", fix="Letters, digits and _ . @ / - are possible.")
    return text


def _ids(ids: tuple[str, ...]) -> str:
    if len(ids) > MAX_IDS or not all(_ID.fullmatch(one) for one in ids):
        raise UsageError(f"ids must be at most {MAX_IDS} UUIDs", fix="Take them from the `id` of an entry.")
    return ",".join(ids)


def _known_fields(fields: tuple[str, ...]) -> list[str]:
    unknown = [name for name in fields if name not in ITEM.fields]
    if unknown:
        raise UsageError(f"an entry has no field {unknown[0][:60]!a}", fix=f"Fields: {', '.join(ITEM.fields)}.")
    return list(dict.fromkeys(("qualifiedName", *fields)))  # without its name an entry is nothing


def _switch(name: str, text: str) -> bool:
    if text not in _FLAGS:
        raise UsageError(f"{name} must be true or false", fix="Say true or false.")
    return _FLAGS[text]


def _number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"{name} must be a whole number", fix="Give a whole number.") from None
