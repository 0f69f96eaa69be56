"""`_meta` of requests and progress notifications, changed within raw JSON: other members keep their bytes. No I/O."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from gateway.errors import LocalProtocolError
from gateway.protocol import codes

PER_LEG = (codes.META_VERSION, codes.META_CAPABILITIES, codes.META_CLIENT)
"""Members of `_meta` that speak of one connection only and must not travel to the next."""

_members = msgspec.json.Decoder(dict[str, Raw]).decode


def members(raw: bytes | None) -> dict[str, Raw]:
    """Return the members of a raw JSON object; none if it is absent or something else."""
    if not raw:
        return {}
    try:
        return _members(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return {}


def for_leg(
    params: bytes | None, stamp: Mapping[str, Raw], *, progress_token: int | None = None
) -> tuple[bytes, bytes | None]:
    """Prepare params for one connection: its stamp instead of the caller's, its progress token instead of theirs.

    Returns the params and the caller's own progress token (raw JSON), or None when they gave none.

    Raises: LocalProtocolError when `params` is no JSON object: whoever took them from a client should have refused.
    """
    whole = _whole(params)
    meta = members(bytes(whole["_meta"])) if "_meta" in whole else {}
    theirs = meta.get("progressToken")
    changed = {k: v for k, v in meta.items() if k not in PER_LEG and k != "progressToken"}
    changed.update(stamp)
    if progress_token is not None:
        changed["progressToken"] = Raw(msgspec.json.encode(progress_token))
    if changed or "_meta" in whole:
        whole["_meta"] = Raw(msgspec.json.encode(changed))
    return msgspec.json.encode(whole), None if theirs is None else bytes(theirs)


def _whole(params: bytes | None) -> dict[str, Raw]:
    try:
        return _members(params) if params else {}
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as exc:
        raise LocalProtocolError(f"params must be a JSON object: {exc}") from exc


def stamp_for(revision: str, client: bytes, capabilities: bytes = b"{}") -> dict[str, Raw]:
    """Return what every modern request must say of its connection. `client` is raw JSON of clientInfo."""
    return {
        codes.META_VERSION: Raw(msgspec.json.encode(revision)),
        codes.META_CAPABILITIES: Raw(capabilities),
        codes.META_CLIENT: Raw(client),
    }


def progress_token(params: bytes | None) -> int | None:
    """Return the (own, numeric) token of a progress notification."""
    token = members(params).get("progressToken")
    text = bytes(token).strip(b'"') if token is not None else b""
    return int(text) if text.isdigit() and len(text) < 16 else None


def with_progress_token(params: bytes, token: bytes) -> bytes:
    """Put the caller's token back into a progress notification."""
    whole = members(params)
    whole["progressToken"] = Raw(token)
    return msgspec.json.encode(whole)
