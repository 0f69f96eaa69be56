"""A connection that does what its script says: for everything above connections, without processes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import anyio

from gateway.errors import ChildGone, GatewayError
from gateway.protocol.handshake import Agreed, Era
from gateway.supervisor.causes import Cause
from gateway.supervisor.ports import Gone, OnNotify

AGREED = Agreed(Era.LEGACY, "2025-11-25", {"tools": {}}, "Hello.", "Scripted")
TOOLS = {"tools": [{"name": "t", "inputSchema": {}}]}


class ScriptedConnection:
    """Satisfies `gateway.supervisor.ports.Connection`. `answers`: method to results or errors; the last one stays."""

    def __init__(self, **answers: list[Any]) -> None:
        self.answers: dict[str, list[Any]] = {"tools/list": [TOOLS], "ping": [{}], **answers}
        self.asked: list[tuple[str, Any]] = []
        self.opening: GatewayError | None = None
        self.agreed = AGREED
        self.gone = anyio.Event()
        self.noise = 0
        self.heard = 0
        self.late = 0
        self.on_late: Callable[[], None] = lambda: None
        self.pid: int | None = 4711
        self.ended = Gone("exited with status 0", code=0)
        self.closed = anyio.Event()
        self.cuts: list[tuple[str, Cause, bool]] = []
        self._waiting: list[asyncio.Future[bytes]] = []
        self.listening: Callable[[], Any] = anyio.sleep_forever

    async def open(self) -> Agreed:
        """Agree, or fail as scripted."""
        await anyio.lowlevel.checkpoint()
        if self.opening is not None:
            raise self.opening
        return self.agreed

    async def ask(
        self,
        method: str,
        params: bytes,
        *,
        timeout_s: float,
        limit_s: float | None = None,
        on_notify: OnNotify | None = None,
        may_cancel: bool = True,
    ) -> bytes:
        """Answer from the script; without one, never."""
        await anyio.lowlevel.checkpoint()
        self.asked.append((method, json.loads(params)))
        script = self.answers.get(method, [])
        if not script:
            return await self._never()
        answer = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(answer, Exception):
            raise answer
        return json.dumps(answer).encode()

    async def _never(self) -> bytes:
        if self.gone.is_set():
            raise ChildGone("s", reason=self.ended.reason)
        self._waiting.append(asyncio.get_running_loop().create_future())
        return await self._waiting[-1]

    def answer(self, result: Any) -> None:
        """Answer the oldest request that waits."""
        future = self._waiting.pop(0)
        if not future.done():
            future.set_result(json.dumps(result).encode())

    @property
    def waiting(self) -> int:
        """How many requests wait for an answer."""
        return len(self._waiting)

    async def listen(self) -> None:
        """Stay subscribed."""
        await self.listening()

    def cut(self, reason: str, cause: Cause, *, at_once: bool = False) -> None:
        """Be cut off; whoever waits for an answer is told."""
        self.cuts.append((reason, cause, at_once))
        self.ended = Gone(f"{reason}; killed by SIGKILL" if at_once else reason, cause=cause)
        self._lose(reason)

    async def close(self, *, grace_s: float) -> Gone:
        """Be closed."""
        await anyio.lowlevel.checkpoint()
        self.closed.set()
        return self.ended

    def die(self, reason: str = "killed by SIGKILL") -> None:
        """The other side is gone."""
        self.ended = Gone(reason, signal="SIGKILL", cause=Cause.SIGNAL)
        self._lose(reason)

    def _lose(self, reason: str) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_exception(ChildGone("s", reason=reason))
        self.gone.set()
