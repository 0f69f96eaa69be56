"""HTTP answers of the endpoint's own, before or instead of the SDK's. No I/O."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse


def rpc_error(status: int, code: int, message: str) -> JSONResponse:
    """A JSON-RPC error without a request id."""
    body = {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}}
    return JSONResponse(body, status_code=status)


def refusal(
    status: int, code: str, message: str, fix: str, headers: Mapping[str, str] | None = None, *, close: bool = False
) -> JSONResponse:
    """A refusal in the API's words; `close` when the rest of the request will not be read."""
    body = {"error": {"code": code, "message": message, "fix": fix}}
    return JSONResponse(
        body, status_code=status, headers={**(headers or {}), **({"connection": "close"} if close else {})}
    )
