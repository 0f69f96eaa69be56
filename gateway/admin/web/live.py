"""Pages that stay up to date: the parts that changed, as server-sent events, to a bounded number of readers."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing

import anyio
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from gateway.admin.web.html import Html

LIVE_EVERY_S = 2.0
LIVE_READERS = 16  # open pages; each costs one rendering per LIVE_EVERY_S

Parts = Callable[[], Awaitable[Mapping[str, Html]]]
"""Renders the parts of a page, by the ids of the elements that hold them."""


class Live:
    """Counts the readers of all pages."""

    def __init__(self, every_s: float = LIVE_EVERY_S) -> None:
        self._every_s = every_s
        self._readers = 0

    def answer(self, parts: Parts, headers: Mapping[str, str]) -> Response:
        """Send the parts that changed, until the reader is gone."""
        if self._readers >= LIVE_READERS:
            return PlainTextResponse("too many open pages\n", 503, {"Retry-After": "30"})
        return StreamingResponse(
            self.events(parts), media_type="text/event-stream", headers={**headers, "X-Accel-Buffering": "no"}
        )

    async def events(self, parts: Parts) -> AsyncIterator[bytes]:
        """Yield an event with what changed, and a comment when nothing did: a gone reader is noticed by writing."""
        self._readers += 1
        try:
            async with aclosing(self._changes(parts)) as changes:
                async for changed in changes:
                    yield f"data: {json.dumps(changed)}\n\n".encode() if changed else b": nothing new\n\n"
        finally:
            self._readers -= 1

    async def _changes(self, parts: Parts) -> AsyncGenerator[dict[str, str], None]:
        shown: dict[str, str] = {}
        while True:
            fresh = {place: str(part) for place, part in (await parts()).items()}
            yield {place: part for place, part in fresh.items() if shown.get(place) != part}
            shown = fresh
            await anyio.sleep(self._every_s)
