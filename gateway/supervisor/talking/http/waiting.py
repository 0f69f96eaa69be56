"""A refusal that a person can lift: a gateway such as Smithery Connect wants a sign-in, or values. No I/O."""

from __future__ import annotations

from typing import Any, Final

import msgspec

AUTHORIZATION: Final = (401, -32001)
INPUT: Final = (409, -32002)
"""HTTP status and JSON-RPC code, which mean this only together."""

MAX_URL: Final = 2000
MAX_NAMES: Final = 10


def why_waiting(status: int, body: bytes) -> str | None:
    """Say what somebody must do before the server can be used; None for every other answer."""
    if status not in {AUTHORIZATION[0], INPUT[0]}:
        return None
    error = _member(_decoded(body), "error")
    data = _member(error, "data")
    match status, _member(error, "code"):
        case (401, -32001):
            url = _address(_member(data, "authorizationUrl")) or _address(_member(data, "setupUrl"))
            return "it wants somebody to sign in" + (f": open {url} in a browser" if url else "")
        case (409, -32002):
            missing = _member(data, "missing")
            names = [*_names(_member(missing, "headers")), *_names(_member(missing, "query"))]
            return f"it wants values that it does not have: {', '.join(names)}" if names else "it wants more values"
        case _:
            return None


def _decoded(body: bytes) -> object:
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _member(value: object, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _address(value: object) -> str | None:
    """An address that may be shown to be opened: https, plain ASCII, no user name."""
    if not isinstance(value, str) or len(value) > MAX_URL or not value.isascii() or not value.isprintable():
        return None
    host = value.removeprefix("https://").partition("/")[0]
    return value if value.startswith("https://") and host and "@" not in host and " " not in value else None


def _names(value: object) -> list[str]:
    names = value if isinstance(value, list) else []
    return [name[:60] for name in names[:MAX_NAMES] if isinstance(name, str) and name.isascii() and name.isprintable()]
