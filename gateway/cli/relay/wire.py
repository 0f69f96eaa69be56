"""What the relay must know of MCP: which message this is, which headers go with it, what ends it. No I/O."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

Json = dict[str, Any]

VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
PARSE_ERROR = -32700
INVALID_REQUEST = -32600
INTERNAL_ERROR = -32603
TASK_CHARACTERS = 1000

_NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_PLAIN = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?|")
_WRAPPED = re.compile(r"=\?base64\?.*\?=")
_FIELD_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


@dataclass(frozen=True, slots=True)
class Message:
    """One line of the client: the body as it came, and what was read from it."""

    body: bytes
    method: str = ""
    id: Any = None
    is_request: bool = False
    version: str = ""  # the revision named in the message itself (2026-07-28 and later), else ""
    params: Json = field(default_factory=dict)

    @property
    def is_modern(self) -> bool:
        """Whether the message carries its own revision, as all do since 2026-07-28."""
        return bool(self.version)


class MessageError(ValueError):
    """A line that is no JSON-RPC message; `code` is JSON-RPC's."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def read_message(line: bytes) -> Message:
    """Read one line.

    Raises: MessageError.
    """
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as exc:
        raise MessageError(PARSE_ERROR, "this line is not JSON") from exc
    if not isinstance(value, dict):
        raise MessageError(INVALID_REQUEST, "this line is not one JSON-RPC message")
    method, params = value.get("method"), value.get("params")
    known: Json = params if isinstance(params, dict) else {}
    meta = known.get("_meta")
    version = meta.get(VERSION_KEY) if isinstance(meta, dict) else None
    return Message(
        body=line.strip(),
        method=method if isinstance(method, str) else "",
        id=value.get("id"),
        is_request=isinstance(method, str) and value.get("id") is not None,
        version=version if isinstance(version, str) else "",
        params=known,
    )


def caller_headers(environ: Mapping[str, str]) -> dict[str, str]:
    """Say who is calling: agent, run and task of the environment, percent-encoded."""
    headers = {}
    for name in ("Agent", "Run", "Task"):
        value = environ.get(f"MCP_GATEWAY_{name.upper()}", "")[:TASK_CHARACTERS]
        if value:
            headers[f"X-MCP-{name}"] = quote(value, safe="")
    return headers


def endpoint_path(environ: Mapping[str, str]) -> str:
    """Choose the endpoint's path: the profile's, if one is named."""
    profile = environ.get("MCP_GATEWAY_PROFILE", "").strip()
    return f"/mcp/p/{quote(profile, safe='')}" if profile else "/mcp"


def modern_headers(message: Message, declared: Mapping[str, Mapping[tuple[str, ...], str]]) -> dict[str, str]:
    """Copy from a modern message's body what its headers must say too.

    `declared` holds, by tool, the arguments that the tool's schema wants mirrored (see `mirrored_arguments`).
    """
    headers = {"MCP-Protocol-Version": message.version, "Mcp-Method": message.method}
    name = message.params.get(_NAMED_BY.get(message.method, ""))
    if isinstance(name, str):
        headers["Mcp-Name"] = header_text(name)
        if message.method == "tools/call":
            headers |= _argument_headers(declared.get(name, {}), message.params.get("arguments"))
    return headers


def header_text(value: str) -> str:
    """Spell a text so that it survives as a header's value."""
    if _PLAIN.fullmatch(value) and not _WRAPPED.fullmatch(value):
        return value
    return f"=?base64?{base64.b64encode(value.encode('utf-8', 'replace')).decode()}?="


def _argument_headers(declared: Mapping[tuple[str, ...], str], arguments: Any) -> dict[str, str]:
    headers = {}
    for path, name in declared.items():
        value = arguments
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, bool):
            value = "true" if value else "false"
        if isinstance(value, str | int | float):
            headers[f"Mcp-Param-{name}"] = header_text(str(value))
    return headers


def mirrored_arguments(answer: Json) -> dict[str, dict[tuple[str, ...], str]]:
    """Read from an answer to tools/list which arguments of which tool go into headers as well (`x-mcp-header`)."""
    result = answer.get("result")
    tools = result.get("tools") if isinstance(result, dict) else None
    found = {}
    for tool in tools if isinstance(tools, list) else []:
        if isinstance(tool, dict) and isinstance(tool.get("name"), str):
            found[tool["name"]] = dict(_annotated(tool.get("inputSchema"), ()))
    return found


def _annotated(schema: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if not isinstance(schema, dict) or len(path) > 16:
        return
    name = schema.get("x-mcp-header")
    if path and isinstance(name, str) and _FIELD_NAME.fullmatch(name):
        yield path, name
    properties = schema.get("properties")
    for key, inner in properties.items() if isinstance(properties, dict) else ():
        yield from _annotated(inner, (*path, key))


def one_line(body: bytes) -> bytes:
    """Put a JSON text on one line. Inside its strings there is no bare line end, so only spacing changes."""
    return body.replace(b"\r", b" ").replace(b"\n", b" ").strip()


def ends(line: bytes, request_id: Any) -> bool:
    """Say whether this line answers that request."""
    # A cheap look first: most lines of a stream are notifications.
    if b'"result"' not in line and b'"error"' not in line:
        return False
    try:
        value = json.loads(line)
    except ValueError:
        return False
    return isinstance(value, dict) and "method" not in value and value.get("id") == request_id


def failure(request_id: Any, message: str, *, code: int = INTERNAL_ERROR) -> bytes:
    """Make a JSON-RPC error. Words on which clients send a call again must not stand in it."""
    body = {"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": message}}
    return json.dumps(body, ensure_ascii=False).encode()


def with_id(body: bytes, request_id: Any) -> bytes | None:
    """Give a JSON-RPC error of the server the id of the request it refused; None when the body is none."""
    try:
        value = json.loads(body)
    except ValueError:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("error"), dict) or "jsonrpc" not in value:
        return None
    return json.dumps({**value, "id": request_id}, ensure_ascii=False).encode()


def refusal(body: bytes) -> str:
    """What an error of the gateway's own API says, and what to do; empty when the body is none."""
    try:
        error = json.loads(body)["error"]
        return f"{error['message']}. {error.get('fix') or ''}".strip()
    except (ValueError, KeyError, TypeError):
        return ""


def is_turned_away(status: int, body: bytes) -> bool:
    """Whether the gateway refused a request only because it is being started or stopped; then nothing was done."""
    if status != 503:
        return False
    try:
        return json.loads(body)["error"]["code"] in {"starting", "stopping"}
    except (ValueError, KeyError, TypeError):
        return False


def negotiated(line: bytes) -> str:
    """Read the revision that an answer to initialize settled on."""
    try:
        value = json.loads(line)
    except ValueError:
        return ""
    result = value.get("result") if isinstance(value, dict) else None
    version = result.get("protocolVersion") if isinstance(result, dict) else None
    return version if isinstance(version, str) else ""
