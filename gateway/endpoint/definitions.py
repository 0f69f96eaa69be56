"""One tool definition as clients get it: the server's bytes under another name, made acceptable. No I/O."""

from __future__ import annotations

from typing import Any

import jsonschema.exceptions
import msgspec
from jsonschema.validators import Draft202012Validator, validator_for

from gateway.model import Tool

_NULLABLE = ("title", "description", "annotations", "outputSchema", "icons", "execution", "_meta")
_OBJECTS = ("inputSchema", "outputSchema", "annotations", "execution", "_meta")
_TEXTS = ("title", "description")


class Unusable(Exception):
    """A definition for which clients would reject the whole list."""


def shown_definition(tool: Tool, name: str) -> bytes:
    """Exchange the name and leave the rest as it came, but for what would make clients reject the list.

    Optional members that are null go; a missing description or input schema is filled in; an output schema that is
    none goes, since every call would fail in the client.

    Raises: Unusable.
    """
    members = _members(tool.definition)
    for key in _NULLABLE:
        if key in members and bytes(members[key]).strip() == b"null":
            del members[key]
    _check_kinds(members)
    members["name"] = msgspec.Raw(msgspec.json.encode(name))
    if not _text(members.get("description")).strip():
        members["description"] = msgspec.Raw(msgspec.json.encode(_description(tool)))
    if "inputSchema" not in members:
        members["inputSchema"] = msgspec.Raw(b'{"type":"object"}')
    if "outputSchema" in members and not is_schema(msgspec.json.decode(members["outputSchema"])):
        del members["outputSchema"]
    return msgspec.json.encode(members)


def is_schema(schema: Any) -> bool:
    """Whether a client can validate with it: an object that its own dialect accepts."""
    if not isinstance(schema, dict):
        return False
    try:
        validator_for(schema, default=Draft202012Validator).check_schema(schema)
    except (jsonschema.exceptions.SchemaError, RecursionError):
        return False
    return True


def _members(definition: bytes) -> dict[str, msgspec.Raw]:
    try:
        definition.decode()
        return msgspec.json.decode(definition, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise Unusable(f"not a JSON object: {exc}") from exc


def _check_kinds(members: dict[str, msgspec.Raw]) -> None:
    for key in _TEXTS:
        if key in members and not bytes(members[key]).startswith(b'"'):
            raise Unusable(f"{key} is not a text")
    for key in _OBJECTS:
        if key in members and not bytes(members[key]).startswith(b"{"):
            raise Unusable(f"{key} is not an object")
    if "icons" in members and not bytes(members["icons"]).startswith(b"["):
        raise Unusable("icons is not a list")
    if "inputSchema" in members and _schema_type(members["inputSchema"]) != "object":
        raise Unusable('inputSchema is not of type "object"')


def _schema_type(raw: msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(raw).get("type")
    except (msgspec.MsgspecError, RecursionError) as exc:
        raise Unusable(f"inputSchema cannot be read: {exc}") from exc


def _text(raw: msgspec.Raw | None) -> str:
    return "" if raw is None else str(msgspec.json.decode(raw, type=str))


def _description(tool: Tool) -> str:
    return tool.title or f"{tool.ref.tool} of {tool.ref.server}"
