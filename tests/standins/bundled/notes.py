"""A stdio MCP server in one file: tools `add_note`, `list_notes` and `settings`. Ends when its stdin ends."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from typing import Any

REVISIONS = ("2025-03-26", "2025-06-18", "2025-11-25")
NOTHING = {"type": "object", "properties": {}}
TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
TOOLS = [
    {"name": "add_note", "description": "Keeps a note", "inputSchema": TEXT},
    {
        "name": "list_notes",
        "description": "All notes kept",
        "inputSchema": NOTHING,
        "annotations": {"readOnlyHint": True},
    },
    {"name": "settings", "description": "What was set", "inputSchema": NOTHING},
]
notes: list[str] = []


def said(words: str, *, is_error: bool = False) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": words}], "isError": is_error}


def call(name: str, given: dict[str, Any]) -> dict[str, Any] | None:
    match name:
        case "add_note" if isinstance(given.get("text"), str):
            notes.append(given["text"])
            return said(f"{len(notes)} notes")
        case "add_note":
            return said("missing argument: text", is_error=True)
        case "list_notes":
            return said("\n".join(notes) or "no notes")
        case "settings":
            digest = hashlib.sha256(os.environ.get("ACME_API_KEY", "").encode()).hexdigest()[:12]
            return said(json.dumps({"units": os.environ.get("ACME_UNITS"), "key_sha256": digest}))
    return None


def answer(message: dict[str, Any]) -> dict[str, Any]:
    params = message.get("params") or {}
    match message["method"]:
        case "initialize":
            asked = params.get("protocolVersion")
            return {"result": {
                "protocolVersion": asked if asked in REVISIONS else REVISIONS[-1],
                "capabilities": {"tools": {}}, "serverInfo": {"name": "notes", "version": "1.0.0"},
            }}  # fmt: skip
        case "ping":
            return {"result": {}}
        case "tools/list":
            return {"result": {"tools": TOOLS}}
        case "tools/call":
            result = call(params.get("name", ""), params.get("arguments") or {})
            unknown = {"error": {"code": -32602, "message": "unknown tool"}}
            return unknown if result is None else {"result": result}
    return {"error": {"code": -32601, "message": "method not found"}}


def main() -> None:
    for line in sys.stdin:
        try:
            message = json.loads(line)
        except ValueError:
            message = {"id": None, "method": ""}
        if "id" in message and "method" in message:
            print(json.dumps({"jsonrpc": "2.0", "id": message["id"], **answer(message)}), flush=True)


if __name__ == "__main__":
    main()
