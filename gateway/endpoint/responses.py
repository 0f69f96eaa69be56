"""HTTP answers of the endpoint's own, before or instead of the SDK's. No I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.responses import JSONResponse


def rpc_error(status: int, code: int, message: str, request_id: bytes | None = None) -> JSONResponse:
    """A JSON-RPC error; `request_id` is the raw JSON of the request's id, where that is known."""
    ident = json.loads(request_id) if request_id is not None else None
    body = {"jsonrpc": "2.0", "id": ident, "error": {"code": code, "message": message}}
    return JSONResponse(body, status_code=status)


def refusal(
    status: int, code: str, message: str, fix: str, headers: Mapping[str, str] | None = None, *, close: bool = False
) -> JSONResponse:
    """A refusal in the API's words; `close` when the rest of the request will not be read."""
    body = {"error": {"code": code, "message": message, "fix": fix}}
    return JSONResponse(
        body, status_code=status, headers={**(headers or {}), **({"connection": "close"} if close else {})}
    )
