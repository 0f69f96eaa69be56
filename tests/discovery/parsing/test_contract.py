"""The recorded shapes of Smithery's answers, replayed with every field added, missing, null and of another type.

Nothing but a listing without a usable name (or an answer without a list) is refused; every difference is noticed.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.discovery.parsing.shapes import Shape, drift_of
from gateway.discovery.parsing.smithery import parse_page, parse_record
from gateway.discovery.parsing.smithery_shape import HEALTH, PAGE, RECORD
from gateway.errors import ListingInvalid
from tests.standins.listings import SERVERS

BASE = "https://api.example"
ITEM: dict[str, Any] = {
    "id": "8a6f0c52-1111-4222-8333-444455556666", "qualifiedName": "acme/weather", "namespace": "acme",
    "slug": "weather",
    "displayName": "Acme Weather", "description": "Forecasts", "iconUrl": None, "verified": True, "useCount": 4211,
    "remote": True, "isDeployed": True, "createdAt": "2026-02-03T04:05:06.000Z", "homepage": "https://acme.example",
    "bySmithery": False, "owner": "user_01AB", "score": 0.0164,
}  # fmt: skip
SECOND = {**ITEM, "qualifiedName": "acme/other", "namespace": None, "slug": None, "remote": None, "owner": None,
          "score": None, "homepage": None}  # fmt: skip
PAGE_ANSWER = {
    "servers": [ITEM, SECOND],
    "pagination": {"currentPage": 1, "pageSize": 10, "totalPages": 1, "totalCount": 2},
}
TOOLS = [
    {"name": "add_note", "description": None, "inputSchema": {"type": "object", "properties": {}},
     "outputSchema": {"type": "object", "properties": {}, "required": []}},
]  # fmt: skip
LOCAL_ANSWER: dict[str, Any] = {
    "qualifiedName": "acme/notes", "displayName": "Notes", "description": "Local notes", "iconUrl": None,
    "remote": False, "deploymentUrl": None,
    "connections": [
        {"type": "stdio", "runtime": "node", "bundleUrl": "/servers/acme%2Fnotes/download",
         "configSchema": {"type": "object", "required": ["apiKey"], "properties": {"apiKey": {"type": "string"}}}},
    ],
    "security": {"scanPassed": True}, "tools": TOOLS,
    "resources": [{"name": "n", "uri": "notes://x", "description": "d", "mimeType": "text/plain"}],
    "prompts": [
        {"name": "sum", "description": "d", "arguments": [{"name": "text", "description": "d", "required": True}]},
    ],
}  # fmt: skip
REMOTE_ANSWER: dict[str, Any] = {
    **LOCAL_ANSWER, "qualifiedName": "acme/weather", "remote": True,
    "deploymentUrl": "https://server.example/acme/weather", "security": None, "tools": None, "resources": None,
    "prompts": None,
    "connections": [
        {"type": "http", "deploymentUrl": "https://server.example/acme/weather", "configSchema": {}},
    ],
}  # fmt: skip
EMPTY_ANSWER = {**REMOTE_ANSWER, "connections": []}
RECORDS = {"local": LOCAL_ANSWER, "remote": REMOTE_ANSWER, "empty": EMPTY_ANSWER}
WRONG: tuple[Any, ...] = (None, True, 7, -1.5, "text", "", [], [None, 5, "x", {}], {}, {"a": {"b": []}})
Path = tuple[str | int, ...]


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every key and index inside an answer, but nothing inside a schema: that is somebody's own document."""
    if path and path[-1] in {"configSchema", "inputSchema", "outputSchema"}:
        return
    keys: list[str | int] = list(value) if isinstance(value, dict) else list(range(len(value)))
    for key in keys:
        yield (*path, key)
        if isinstance(value[key], dict | list):
            yield from places(value[key], (*path, key))


def changed(answer: Any, path: Path, new: Any = None, *, delete: bool = False) -> Any:
    """A copy with one place replaced, or deleted."""
    whole = copy.deepcopy(answer)
    inner = whole
    for key in path[:-1]:
        inner = inner[key]
    if delete:
        del inner[path[-1]]
    else:
        inner[path[-1]] = new
    return whole


def variations(answer: Any) -> Iterator[tuple[Path, Any]]:
    """Each place missing, and with every wrong value; each object with a field more."""
    for path in places(answer):
        yield path, changed(answer, path, delete=True)
        for wrong in WRONG:
            yield path, changed(answer, path, copy.deepcopy(wrong))
    for path in [(), *places(answer)]:
        inner = answer
        for key in path:
            inner = inner[key]
        if isinstance(inner, dict):
            yield (*path, "novelty"), changed(answer, (*path, "novelty"), {"deep": [1]})


def reads_page(value: Any) -> bool:
    """Read a page; False when it is refused."""
    try:
        page = parse_page(value, fetched_at=1.0)
    except ListingInvalid:
        return False
    assert page.entries == page.skipped + len(page.listings)
    return True


def reads_record(value: Any) -> bool:
    """Read a record; False when it is refused."""
    try:
        listing = parse_record(value, base_url=BASE, fetched_at=1.0)
    except ListingInvalid:
        return False
    assert listing.connections
    return True


def test_a_page_is_refused_only_without_its_list() -> None:
    seen = 0
    for path, value in variations(PAGE_ANSWER):
        seen += 1
        assert reads_page(value) is isinstance(value.get("servers"), list), path
    assert seen > 400


def test_an_entry_is_left_out_only_without_a_usable_name() -> None:
    for path, value in variations(PAGE_ANSWER):
        if path[:2] == ("servers", 0) and len(path) == 3:
            page = parse_page(value, fetched_at=1.0)
            # "text" is a name like any other; everything else wrong is none.
            names = 1 if path[2] == "qualifiedName" and value["servers"][0].get("qualifiedName") != "text" else 2
            assert len(page.listings) == names, path


@pytest.mark.parametrize("kind", RECORDS)
def test_a_record_is_refused_only_without_a_usable_name(kind: str) -> None:
    seen = 0
    for path, value in variations(RECORDS[kind]):
        seen += 1
        is_named = value.get("qualifiedName") in [RECORDS[kind]["qualifiedName"], "text"]
        assert reads_record(value) is is_named, path
    assert seen > 100


@pytest.mark.parametrize(
    ("answer", "shape"),
    [(PAGE_ANSWER, PAGE), *((record, RECORD) for record in RECORDS.values()),
     ({"status": "ok", "timestamp": "2026-11-23T00:00:00.000Z"}, HEALTH)],
    ids=["page", *RECORDS, "health"],
)  # fmt: skip
def test_the_recorded_answers_have_the_stated_shapes(answer: Any, shape: Shape) -> None:
    assert drift_of(answer, shape) == ()


@pytest.mark.parametrize(
    ("answer", "shape"), [(PAGE_ANSWER, PAGE), *((record, RECORD) for record in RECORDS.values())],
    ids=["page", *RECORDS],
)  # fmt: skip
def test_every_field_more_or_less_is_noticed(answer: Any, shape: Shape) -> None:
    optional = {"configSchema", "outputSchema", "runtime", "mimeType"}
    for path in places(answer):
        if isinstance(path[-1], str) and path[-1] not in optional and "resources" not in path and "prompts" not in path:
            missing = drift_of(changed(answer, path, delete=True), shape)
            assert [drift.kind for drift in missing if drift.kind == "missing"] or path[-1] == "type", path
        wrong = drift_of(changed(answer, path, object()), shape)
        assert [drift.kind for drift in wrong if drift.kind == "type"], path
    assert [drift.field for drift in drift_of({**answer, "novelty": 1}, shape)] == ["novelty"]


def test_the_stand_in_answers_as_the_shapes_say() -> None:
    modern = [server for server in SERVERS.values() if server.kind not in {"function", "command"}]
    assert modern
    for server in modern:
        assert drift_of(server.record("http://x"), RECORD) == (), server.name
    page = {"servers": [server.item() for server in SERVERS.values()], "pagination": PAGE_ANSWER["pagination"]}
    assert drift_of(page, PAGE) == ()
