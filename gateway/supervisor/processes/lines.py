"""A process that speaks lines: what the learner's link uses. The same process class as for servers, no MCP."""

from __future__ import annotations

from collections import deque
from typing import Final, Protocol

import anyio

from gateway.errors import ChildGone
from gateway.protocol.framing import LineFramer, Overlong
from gateway.supervisor.ports import Gone
from gateway.supervisor.processes.outbox import Outbox
from gateway.supervisor.processes.ring import LineRing

GRACE_S: Final = 2.0
"""Per rung of the stop ladder: a line process saves its state when its stdin ends."""

QUEUE_LINES: Final = 1000
"""Unread lines at which its output is left in the pipe, so that it waits for us and not the other way round."""


class LineSource(Protocol):
    """`ChildProcess`, as far as lines need it."""

    @property
    def pid(self) -> int: ...
    @property
    def outbox(self) -> Outbox: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    async def stop(self, grace_s: float) -> Gone: ...


class Lines:
    """Satisfies `gateway.learning.ports.LineProcess`; `process.spawn_lines` makes it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._framer = LineFramer()
        self._lines: deque[bytes] = deque()
        self._more = anyio.Event()
        self._end = ""
        self._process: LineSource | None = None
        self.stderr = LineRing()

    def attach(self, process: LineSource) -> None:
        """This is the process whose output comes to `take`."""
        self._process = process

    def take(self, data: bytes) -> None:
        """It printed this."""
        self._lines.extend(line for line in self._framer.feed(data) if not isinstance(line, Overlong))
        if len(self._lines) >= QUEUE_LINES and self._process is not None:
            self._process.pause_reading()
        self._more.set()

    def end(self, reason: str) -> None:
        """It can no longer talk."""
        self._end = reason
        self._more.set()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._running.pid

    async def send(self, line: bytes) -> None:
        """Write one line (without its newline); waits while much is unwritten. Raises: ChildGone."""
        process = self._running
        if self._end:
            raise self._gone()
        process.outbox.write(line + b"\n")
        if process.outbox.is_full:
            await process.outbox.drained()

    async def receive(self) -> bytes:
        """Return the next line without its newline. Raises: ChildGone at the end of the stream."""
        while not self._lines:
            if self._end:
                raise self._gone()
            self._more = anyio.Event()
            await self._more.wait()
        line = self._lines.popleft()
        if len(self._lines) == QUEUE_LINES - 1 and not self._end:
            self._running.resume_reading()
        return line

    async def stop(self) -> None:
        """Close its stdin, then TERM, then KILL; returns when it is dead. Bounded."""
        with anyio.CancelScope(shield=True):
            await self._running.stop(GRACE_S)

    @property
    def _running(self) -> LineSource:
        if self._process is None:
            raise ChildGone(self._name, reason="it was never started")
        return self._process

    def _gone(self) -> ChildGone:
        return ChildGone(self._name, reason=self._end, stderr_tail=self.stderr.tail(20))
