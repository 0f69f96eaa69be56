"""Pages that stay up to date."""

from __future__ import annotations

import json

from starlette.responses import StreamingResponse

from gateway.admin.web.html import Html
from gateway.admin.web.live import LIVE_READERS, Live


async def test_only_what_changed_is_sent_and_a_comment_when_nothing_did() -> None:
    shown = {"a": Html("1"), "b": Html("1")}

    async def parts() -> dict[str, Html]:
        return dict(shown)

    events = Live(every_s=0.01).events(parts)
    assert json.loads((await anext(events)).removeprefix(b"data: ")) == {"a": "1", "b": "1"}
    assert (await anext(events)).startswith(b":")
    shown["b"] = Html("2")
    assert json.loads((await anext(events)).removeprefix(b"data: ")) == {"b": "2"}
    await events.aclose()  # type: ignore[attr-defined]


async def test_so_many_pages_may_be_open_and_a_closed_one_makes_room() -> None:
    live = Live(every_s=0.01)

    async def parts() -> dict[str, Html]:
        return {}

    open_pages = [live.events(parts) for _ in range(LIVE_READERS)]
    for page in open_pages:
        await anext(page)
    refused = live.answer(parts, {})
    await open_pages[0].aclose()  # type: ignore[attr-defined]
    taken = live.answer(parts, {"Cache-Control": "no-store"})
    for page in open_pages[1:]:
        await page.aclose()  # type: ignore[attr-defined]
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "30")
    assert isinstance(taken, StreamingResponse)
    assert taken.headers["Cache-Control"] == "no-store"
