"""Answers told line by line."""

from __future__ import annotations

import json
from typing import Any

import anyio

from gateway.admin.streaming import WAITING_LINES, LineStream, Tell
from gateway.errors import NotFound


class Listener:
    """The client's side of one answer; `gone` lets it leave."""

    def __init__(self) -> None:
        self.gone = anyio.Event()
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(dict(message))

    def lines(self) -> list[Any]:
        body = b"".join(message.get("body", b"") for message in self.sent)
        return [json.loads(line) for line in body.splitlines() if line]


async def told(work: Any) -> Listener:
    listener = Listener()
    with anyio.fail_after(10):
        await LineStream(work)({}, listener.receive, listener.send)
    return listener


async def test_lines_come_in_order_and_the_result_last() -> None:
    async def work(tell: Tell) -> dict[str, Any]:
        tell({"n": 1})
        await anyio.lowlevel.checkpoint()
        tell({"n": 2})
        return {"done": True}

    listener = await told(work)

    assert listener.lines() == [{"n": 1}, {"n": 2}, {"result": {"done": True}}]
    assert listener.sent[-1].get("more_body", False) is False


async def test_our_error_is_the_last_line() -> None:
    async def work(tell: Tell) -> dict[str, Any]:
        tell({"n": 1})
        raise NotFound("no", fix="look")

    assert (await told(work)).lines()[-1]["error"] == {"code": "not_found", "message": "no", "fix": "look"}


async def test_more_lines_than_fit_are_dropped_but_never_the_result() -> None:
    async def work(tell: Tell) -> dict[str, Any]:
        for n in range(WAITING_LINES * 2):
            tell({"n": n})
        return {"done": True}

    lines = (await told(work)).lines()

    assert lines[-1] == {"result": {"done": True}}
    assert len(lines) <= WAITING_LINES + 2


async def test_when_the_listener_leaves_the_work_is_cancelled() -> None:
    listener = Listener()
    was_cancelled = anyio.Event()

    async def work(_tell: Tell) -> dict[str, Any]:
        listener.gone.set()
        try:
            await anyio.sleep_forever()
        finally:
            was_cancelled.set()
        return {}

    with anyio.fail_after(10):
        await LineStream(work)({}, listener.receive, listener.send)

    assert was_cancelled.is_set()


async def test_a_line_that_may_not_be_missed_waits_for_a_slow_reader() -> None:
    count = WAITING_LINES + 50

    async def work(_: Tell) -> dict[str, Any]:
        for n in range(count):
            await stream.put({"n": n})
        return {}

    stream, listener = LineStream(work), Listener()
    with anyio.fail_after(20):
        await stream({}, listener.receive, listener.send)
    assert [line["n"] for line in listener.lines()[:-1]] == list(range(count))
