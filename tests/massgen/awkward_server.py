"""A little MCP server on stdio whose tool names are MassGen's traps; run as a program. JSON-RPC lines, no SDK."""

from __future__ import annotations

import json
import sys
from typing import Any

NAMES = ("status", "say", "fail", "mcp__say__twice", "_under_", "name/with/slashes", "wörter")


def answer(method: str, params: dict[str, Any]) -> dict[str, Any] | None:
    """The result of a request, or None for a method that does not exist here."""
    if method == "initialize":
        info = {"name": "awkward", "version": "1"}
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": info}
    if method == "tools/list":
        schema = {"type": "object", "properties": {"text": {"type": "string"}}}
        return {
            "tools": [{"name": n, "description": f"Says what {n} has to say.", "inputSchema": schema} for n in NAMES]
        }
    if method == "tools/call":
        text = f"{params['name']}: {params['arguments'].get('text', '')}"
        return {"content": [{"type": "text", "text": text}], "isError": params["name"] == "fail"}
    return {} if method == "ping" else None


def main() -> None:
    """Answer each line until stdin ends."""
    for line in sys.stdin:
        request = json.loads(line)
        if "id" not in request:
            continue
        result = answer(request["method"], request.get("params") or {})
        outcome = {"error": {"code": -32601, "message": "method not found"}} if result is None else {"result": result}
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": request["id"], **outcome}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
