"""The closed list of changes to what a child answered; everything else is relayed as bytes. No I/O.

Only the top level of a result and of its `_meta` is taken apart; what lies below is never decoded and encoded again,
so unknown members, their order and the spelling of numbers and strings survive.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema.exceptions
import msgspec
import referencing
import referencing.exceptions
from jsonschema.validators import Draft202012Validator, extend, validator_for

from gateway.endpoint.definitions import is_schema
from gateway.errors import RemoteProtocolError, RpcError

SERVER_INFO_META = "io.modelcontextprotocol/serverInfo"
CALL_META = "gateway/call"
_ERA_MEMBERS = ("resultType", "ttlMs", "cacheScope")
_STRUCTURED_CHARS = 20_000  # an agent's client that sees text only still gets this much of a structured answer

Members = dict[str, msgspec.Raw]


@dataclass(frozen=True, slots=True)
class Finish:
    """For whom a result is made ready. `server_info` is the raw JSON of our own name and version."""

    call_id: str
    server: str
    modern: bool
    result_text: bool = False
    server_info: bytes = b"{}"
    fallback_from: str | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """A result as the client gets it."""

    raw: bytes
    is_error: bool


def read_result(server: str, raw: bytes) -> Members:
    """Take the top level of a child's result apart.

    Raises: RemoteProtocolError when it is no JSON object in UTF-8.
    """
    try:
        raw.decode()
        return msgspec.json.decode(raw, type=Members)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise RemoteProtocolError(f"{server} answered with something that is no result ({exc})") from exc


def finish_result(members: Members, how: Finish, fault: str | None = None) -> Finished:
    """Apply the listed changes; `fault` is the reason why the structured content breaks its schema."""
    members = dict(members)
    if not how.modern and _peek(members, "resultType") == "input_required":
        raise RpcError(-32600, f"{how.server} asked for input that this client cannot give.")
    if fault is not None:
        members["content"] = _with_item(members, _text_item(fault), first=True)
        members["isError"] = msgspec.Raw(b"true")
    if how.result_text and (note := _note(members, how.call_id)):
        members["content"] = _with_item(members, _text_item(note), first=False)
    _set_era(members, how.modern)
    members["_meta"] = _meta(members, how)
    return Finished(msgspec.json.encode(members), _peek(members, "isError") is True)


def _peek(members: Members, key: str) -> Any:
    raw = members.get(key)
    if raw is None or _opens(raw) in b"{[":
        return None
    return msgspec.json.decode(raw)


def _set_era(members: Members, modern: bool) -> None:
    if modern:
        members.setdefault("resultType", msgspec.Raw(b'"complete"'))
        return
    for key in _ERA_MEMBERS:
        members.pop(key, None)


def _meta(members: Members, how: Finish) -> msgspec.Raw:
    meta: Members = {}
    if "_meta" in members and _opens(members["_meta"]) == b"{":
        meta = msgspec.json.decode(members["_meta"], type=Members)
    call = {"id": how.call_id, "server": how.server}
    if how.fallback_from is not None:
        call["fallback_from"] = how.fallback_from
    meta[CALL_META] = msgspec.Raw(msgspec.json.encode(call))
    meta.pop(SERVER_INFO_META, None)
    if how.modern:
        meta[SERVER_INFO_META] = msgspec.Raw(how.server_info)
    return msgspec.Raw(msgspec.json.encode(meta))


def _items(members: Members) -> list[msgspec.Raw]:
    raw = members.get("content")
    return msgspec.json.decode(raw, type=list[msgspec.Raw]) if raw is not None and _opens(raw) == b"[" else []


def _opens(raw: msgspec.Raw) -> bytes:
    """The first byte of a raw value: enough to tell its kind, however large it is."""
    return memoryview(raw)[:1].tobytes()


def _text_item(text: str) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode({"type": "text", "text": text}))


def _with_item(members: Members, item: msgspec.Raw, *, first: bool) -> msgspec.Raw:
    items = _items(members)
    return msgspec.Raw(msgspec.json.encode([item, *items] if first else [*items, item]))


def _note(members: Members, call_id: str) -> str | None:
    """What a client that hands on text alone would lose, in words; None when it would lose nothing."""
    items = [_decode_item(item) for item in _items(members)]
    others = [item for item in items if item.get("type") != "text"]
    if items and not others:
        return None
    lines = [f"[{_describe(item)}]" for item in others]
    if len(others) == len(items) and "structuredContent" in members:
        lines.append(bytes(members["structuredContent"]).decode()[:_STRUCTURED_CHARS])
    if not lines:
        lines.append("[The tool returned no content.]")
    return "\n".join([*lines, f"[call {call_id}]"])


def _decode_item(raw: msgspec.Raw) -> dict[str, Any]:
    try:
        item = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, RecursionError):
        return {}
    return item if isinstance(item, dict) else {}


def _describe(item: Mapping[str, Any]) -> str:
    kind = str(item.get("type", "unknown"))
    match kind:
        case "image" | "audio":
            data = item.get("data")
            size = len(data) * 3 // 4 if isinstance(data, str) else 0
            return f"{kind}, {item.get('mimeType', 'unknown type')}, about {size} bytes; not shown as text"
        case "resource_link":
            said = " ".join(str(item[key]) for key in ("name", "title", "description") if item.get(key))
            return f"link to {item.get('uri', 'an unknown resource')} {said}".strip()
        case "resource":
            return _describe_resource(item.get("resource"))
        case _:
            return f"content of kind {kind!r}; not shown as text"


def _describe_resource(resource: object) -> str:
    if not isinstance(resource, dict):
        return "an embedded resource; not shown as text"
    said = f"resource {resource.get('uri', 'without address')}"
    text = resource.get("text")
    if isinstance(text, str):
        return f"{said}:\n{text}\n"
    return f"{said}, {resource.get('mimeType', 'binary')}; not shown as text"


def schema_fault(members: Members, output_schema: Mapping[str, Any] | None) -> str | None:
    """Why a successful result breaks the output schema its tool declared; None when it does not.

    Clients check the same and fail the call, content and all; so the content is kept and the call marked instead.
    """
    if output_schema is None or _peek(members, "isError") is True or _peek(members, "resultType") == "input_required":
        return None
    check = _validator(msgspec.json.encode(output_schema))
    if check is None:
        return None
    if "structuredContent" not in members:
        return "The tool declares structured output but returned none; what it did return follows."
    try:
        error = jsonschema.exceptions.best_match(check.iter_errors(msgspec.json.decode(members["structuredContent"])))
    except (referencing.exceptions.Unresolvable, msgspec.MsgspecError, RecursionError):
        return None
    if error is None:
        return None
    where = "/".join(str(step) for step in error.absolute_path) or "the top"
    return f"The tool's structured output breaks its own schema at {where}: {error.message[:300]}"


@functools.lru_cache(maxsize=1024)
def _validator(raw_schema: bytes) -> Any | None:
    """A validator that fetches nothing and runs no pattern of a stranger; None when the schema needs one.

    Patterns are skipped because a hostile one could hold up the whole gateway.
    """
    schema = msgspec.json.decode(raw_schema)
    if b'"patternProperties"' in raw_schema or not is_schema(schema):
        return None
    kind = extend(validator_for(schema, default=Draft202012Validator), {"pattern": _any_value})  # type: ignore[no-untyped-call]
    return kind(schema, registry=referencing.Registry())


def _any_value(*_: object) -> None:
    return None
