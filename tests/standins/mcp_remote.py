"""A small remote MCP server, stateless Streamable HTTP: every request stands alone, no `initialize` is needed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

REVISIONS = ("2025-03-26", "2025-06-18", "2025-11-25")
_TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
_CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
_NAME = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
_READS = {"readOnlyHint": True, "idempotentHint": True}
TOOLS: list[dict[str, Any]] = [
    {"name": "get_forecast", "description": "Weather of a city", "inputSchema": _CITY, "annotations": _READS},
    {"name": "echo", "description": "Says the text back", "inputSchema": _TEXT, "annotations": _READS},
    {"name": "people.greet", "description": "Greets somebody by name", "inputSchema": _NAME},
]


def call_tool(name: str, arguments: Mapping[str, Any], settings: Mapping[str, str]) -> dict[str, Any] | None:
    """Call one tool; None when there is no such tool. `settings` came as query parameters."""
    tool = next((tool for tool in TOOLS if tool["name"] == name), None)
    if tool is None:
        return None
    missing = [key for key in tool["inputSchema"]["required"] if not isinstance(arguments.get(key), str)]
    if missing:
        return _said(f"missing argument: {', '.join(missing)}", is_error=True)
    match name:
        case "get_forecast":
            units = settings.get("units", "si")
            return _said(f"{arguments['city']}: sunny, {'70 F' if units == 'us' else '21 C'}")
        case "people.greet":
            return _said(f"Hello {arguments['name']}")
        case _:
            return _said(str(arguments["text"]))


def _said(text: str, *, is_error: bool = False) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "isError": is_error}


async def serve_mcp(request: Request, *, title: str, settings: Mapping[str, str]) -> Response:
    """Answer one HTTP request of the MCP endpoint."""
    if request.method != "POST":
        return JSONResponse({"error": "method not allowed"}, 405, {"allow": "POST"})
    try:
        message = json.loads(await request.body())
    except ValueError:
        return JSONResponse(_error(None, -32700, "not JSON"), 400)
    if not isinstance(message, dict) or not isinstance(message.get("method"), str):
        return JSONResponse(_error(None, -32600, "not a request"), 400)
    if "id" not in message:
        return Response(status_code=202)
    return JSONResponse(_answer(message, title, settings))


def _answer(message: dict[str, Any], title: str, settings: Mapping[str, str]) -> dict[str, Any]:
    params = message.get("params") or {}
    match message["method"]:
        case "initialize":
            asked = params.get("protocolVersion")
            return _result(message, {
                "protocolVersion": asked if asked in REVISIONS else REVISIONS[-1],
                "capabilities": {"tools": {}}, "serverInfo": {"name": title, "version": "2.1.0"},
            })  # fmt: skip
        case "ping":
            return _result(message, {})
        case "tools/list":
            return _result(message, {"tools": TOOLS})
        case "tools/call":
            result = call_tool(str(params.get("name")), params.get("arguments") or {}, settings)
            unknown = _error(message["id"], -32602, f"unknown tool {params.get('name')}")
            return unknown if result is None else _result(message, result)
        case _:
            return _error(message["id"], -32601, "method not found")


def _result(message: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": message["id"], "result": result}


def _error(wire_id: object, code: int, text: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": wire_id, "error": {"code": code, "message": text}}
