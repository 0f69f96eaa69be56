"""A long verb told line by line: NDJSON that ends in a result or an error, and stops working when nobody listens."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio
import structlog
from anyio.streams.memory import MemoryObjectSendStream
from starlette.types import Receive, Scope, Send

from gateway.admin.problems import describe
from gateway.errors import GatewayError

Json = dict[str, Any]
Tell = Callable[[Json], None]
"""Put one line in front of the listener; never waits. A listener that is too slow misses lines, never the last one."""

NDJSON = "application/x-ndjson"
KEEP_ALIVE_S = 10.0  # an empty line this often: the client can tell a long step from a dead daemon
WAITING_LINES = 1000


class LineStream:
    """An ASGI answer whose lines are told by `work`; what `work` returns, or raises, is the last line."""

    def __init__(self, work: Callable[[Tell], Awaitable[Json]]) -> None:
        self._work = work
        self._telling: MemoryObjectSendStream[Json] | None = None

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, until the work is done or the client is gone."""
        await send({"type": "http.response.start", "status": 200, "headers": _headers()})
        telling, told = anyio.create_memory_object_stream[Json](WAITING_LINES)
        self._telling = telling
        async with told, anyio.create_task_group() as tasks:
            tasks.start_soon(self._run, telling)
            tasks.start_soon(_cancel_when_gone, receive, tasks.cancel_scope)
            async for line in _with_pauses(told):
                await send({"type": "http.response.body", "body": line, "more_body": True})
            tasks.cancel_scope.cancel()
        await send({"type": "http.response.body", "body": b""})

    async def put(self, line: Json) -> None:
        """Put one line in front of the listener, and wait while it has not read enough of the earlier ones."""
        assert self._telling is not None  # noqa: S101 - the work runs only while it is answered
        await self._telling.send(line)

    async def _run(self, telling: MemoryObjectSendStream[Json]) -> None:
        def tell(line: Json) -> None:
            try:
                telling.send_nowait(line)
            except (anyio.WouldBlock, anyio.BrokenResourceError, anyio.ClosedResourceError):
                return  # progress may be missed; the work goes on

        async with telling:
            await telling.send(await self._outcome(tell))

    async def _outcome(self, tell: Tell) -> Json:
        try:
            return {"result": await self._work(tell)}
        except GatewayError as exc:
            return describe(exc)
        except Exception:  # noqa: BLE001 - one request's failure is answered, and the daemon carries on
            structlog.get_logger("admin").exception("request_failed")
            return describe(internal_error())


def internal_error() -> GatewayError:
    """Say that the fault is ours."""
    return GatewayError("an internal error", fix="See the daemon's log; this is a bug of the gateway.")


async def _with_pauses(told: AsyncIterator[Json]) -> AsyncIterator[bytes]:
    while True:
        line: Json | None = None
        with anyio.move_on_after(KEEP_ALIVE_S):
            try:
                line = await anext(told)
            except StopAsyncIteration:
                return
        yield b"\n" if line is None else json.dumps(line, ensure_ascii=False).encode() + b"\n"


async def _cancel_when_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            scope.cancel()
            return


def _headers() -> list[tuple[bytes, bytes]]:
    return [(b"content-type", NDJSON.encode()), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]
