"""The bodies of HTTP answers, exactly as they travel: nothing grows here, so a cap on what is read is a cap indeed.

httpx unpacks what a server packed before anybody can count it, layer upon layer: a few kilobytes become gigabytes.
We ask for bodies that are not packed, and refuse the others. What is in a body is read elsewhere.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Final

import httpx

ASK_PLAIN: Final[Mapping[str, str]] = {"accept-encoding": "identity"}
"""What every request must carry whose answer is read here."""

_BODILESS: Final = {204, 304}  # these may tell the coding of a body that does not come
_SHOWN: Final = 40  # characters of a coding's name
_LITTLE: Final = 65536  # bytes that are read for the sake of a connection


class CodedBodyError(httpx.DecodingError):
    """A body came packed, though we asked for a plain one; for httpx's callers it is one that cannot be unpacked."""


def plain_pieces(response: httpx.Response) -> AsyncIterator[bytes]:
    """Return the pieces of a body as they arrive, for a caller that counts them.

    Raises: CodedBodyError when the body is packed; nothing of it has been read then.
    """
    named = response.headers.get("content-encoding", "")
    if response.status_code not in _BODILESS and any(_packs(coding) for coding in named.split(",")):
        raise CodedBodyError(f"a packed body ({named[:_SHOWN]!a}), which nobody asked for")
    # A transport may have made the whole answer by itself: there is no stream left then.
    return response.aiter_bytes() if response.is_stream_consumed else response.aiter_raw()


async def drop(response: httpx.Response) -> None:
    """Read a body that nobody wants when it is small, so that its connection can be used again.

    Raises: httpx.HTTPError.
    """
    if response.is_stream_consumed:  # a transport made the whole answer by itself
        return
    read = 0
    async for piece in response.aiter_raw():
        read += len(piece)
        if read > _LITTLE:
            return


def _packs(coding: str) -> bool:
    return coding.strip().lower() not in {"", "identity"}
